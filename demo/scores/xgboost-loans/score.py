import pandas
import xgboost


def init():
    global booster
    booster = xgboost.Booster(model_file="loans.json")


def run(loans):
    risk = booster.predict(xgboost.DMatrix(loans))
    return loans.assign(risk=risk, accepted=risk < 0.5)[["risk", "accepted"]]


if __name__ == "__main__":
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    sample = pandas.DataFrame({"amount": [12.5, 30.0], "years": [10, 4], "late": [0, 2]})
    generate_schema(run, {"loans": SampleDefinition(DataTypes.PANDAS, sample)}, filepath="service_schema.json")
