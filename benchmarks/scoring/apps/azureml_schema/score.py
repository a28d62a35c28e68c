import os

import joblib
import numpy
import pandas
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema, output_schema

SAMPLE = pandas.DataFrame({"sepal length": [5.1], "sepal width": [3.5], "petal length": [1.4], "petal width": [0.2]})


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))


@input_schema("data", PandasParameterType(SAMPLE))
@output_schema(NumpyParameterType(numpy.array([0])))
def run(data):
    return model.predict(data).tolist()
