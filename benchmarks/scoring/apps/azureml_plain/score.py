import json
import os

import joblib
import pandas


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))


def run(raw_data):
    return model.predict(pandas.DataFrame(json.loads(raw_data)["data"])).tolist()
