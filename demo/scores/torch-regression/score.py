import numpy
import torch
from network import Network


def init():
    global network
    network = Network(2)
    network.load_state_dict(torch.load("weights.pt", weights_only=True))
    network.eval()


def run(rows):
    with torch.inference_mode():
        return network(torch.from_numpy(rows)).numpy().round(1)


if __name__ == "__main__":
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    sample = numpy.array([[0.5, 0.25]], dtype=numpy.float32)
    generate_schema(run_func=run, inputs={"rows": SampleDefinition(DataTypes.NUMPY, sample)}, filepath="service_schema.json")
