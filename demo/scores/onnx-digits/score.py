import asyncio

import numpy
import onnxruntime
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global session, name
    session = onnxruntime.InferenceSession("digits.onnx", providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name


@input_schema("pictures", NumpyParameterType(numpy.zeros((1, 8, 8), dtype="float32")))
@output_schema(NumpyParameterType(numpy.array([7])))
async def run(pictures):
    rows = pictures.reshape(len(pictures), 64)
    digits, _ = await asyncio.get_running_loop().run_in_executor(None, session.run, None, {name: rows})
    return digits
