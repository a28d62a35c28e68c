import lightgbm
import numpy
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global booster
    booster = lightgbm.Booster(model_file="demand.txt")


@input_schema("days", NumpyParameterType(numpy.array([[5.0, 21.5]])))
@output_schema(NumpyParameterType(numpy.array([137.0])))
def run(days):
    return booster.predict(days)
