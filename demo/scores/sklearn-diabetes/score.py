import json

import joblib
import numpy
from azureml.core.model import Model


def init():
    global model
    # the name of the model's file, or the name it is registered under
    model_path = Model.get_model_path("sklearn_regression_model.pkl")
    model = joblib.load(model_path)


def run(raw_data):
    try:
        data = numpy.array(json.loads(raw_data)["data"])
        result = model.predict(data)
        # any value that has a form in JSON may be returned
        return result.tolist()
    except Exception as e:
        error = str(e)
        return error
