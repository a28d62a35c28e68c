import joblib
import numpy as np


def init():
    global kmeans
    kmeans = joblib.load("kmeans.joblib")


def run(points):
    """The nearest centre of each point and how far it is: an array of numpy's is returned as it is."""
    distances = kmeans.transform(points)
    return np.column_stack([distances.argmin(axis=1), distances.min(axis=1)])


if __name__ == "__main__":
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    generate_schema(
        run, inputs={"points": SampleDefinition(DataTypes.NUMPY, np.array([[0.5, 1.0], [4.0, 5.5]]))}, filepath="service_schema.json"
    )
