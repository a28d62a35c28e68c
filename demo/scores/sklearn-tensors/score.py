import joblib
import numpy


def init():
    global model
    model = joblib.load("digits.pkl")


def run(pictures):
    return model.predict(pictures.reshape(len(pictures), -1))


if __name__ == "__main__":
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    generate_schema(run, {"pictures": SampleDefinition(DataTypes.NUMPY, numpy.zeros((1, 8, 8)))}, filepath="service_schema.json")
