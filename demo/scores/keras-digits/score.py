import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global model
    model = keras.saving.load_model("digits.keras", compile=False)


@input_schema("pictures", NumpyParameterType(np.zeros((1, 8, 8), dtype="float32")))
@output_schema(NumpyParameterType(np.array([3])))
def run(pictures):
    # Called directly: for a few rows model.predict() would take many times as long.
    return keras.ops.convert_to_numpy(model(pictures, training=False)).argmax(axis=1)
