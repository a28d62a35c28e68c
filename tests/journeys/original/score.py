"""The scoring file in the manner of the original's documentation: init(), run(), collectors, and a schema from a data frame."""

from azureml.api.realtime.services import generate_schema
from azureml.api.schema.dataTypes import DataTypes
from azureml.api.schema.sampleDefinition import SampleDefinition
from azureml.datacollector import ModelDataCollector


def init():
    global inputs_dc, prediction_dc, model
    from sklearn.externals import joblib

    model = joblib.load("model.pkl")
    inputs_dc = ModelDataCollector("model.pkl", identifier="inputs")
    prediction_dc = ModelDataCollector("model.pkl", identifier="prediction")


def run(input_df):
    import json

    pred = model.predict(input_df)
    inputs_dc.collect(input_df)
    prediction_dc.collect(pred)
    return json.dumps(str(pred[0]))


def main():
    import pandas

    frame = pandas.DataFrame(data=[[3.0, 3.6, 1.3, 0.25]], columns=["sepal length", "sepal width", "petal length", "petal width"])
    inputs = {"input_df": SampleDefinition(DataTypes.PANDAS, frame)}
    generate_schema(run_func=run, inputs=inputs, filepath="service_schema.json")


if __name__ == "__main__":
    main()
