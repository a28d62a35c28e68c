import numpy
import onnxruntime

NAMES = ["setosa", "versicolor", "virginica"]


def init():
    global session
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession("iris.onnx", options, providers=["CPUExecutionProvider"])


def run(flowers):
    probabilities, classes = session.run(["probabilities", "classes"], {"flowers": flowers})
    return [{"name": NAMES[each], "probability": row[each]} for each, row in zip(classes, probabilities, strict=True)]


if __name__ == "__main__":
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    sample = numpy.array([[5.1, 3.5, 1.4, 0.2]], dtype=numpy.float32)
    generate_schema(run_func=run, inputs={"flowers": SampleDefinition(DataTypes.NUMPY, sample)}, filepath="service_schema.json")
