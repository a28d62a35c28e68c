"""The Iris service: init() once in each replica, run() for each call.

Run as a program it writes service_schema.json from a sample of what callers send: `python score.py`.
"""

from azureml.datacollector import ModelDataCollector


def init():
    global model, inputs_dc, prediction_dc
    from sklearn.externals import joblib

    model = joblib.load("model.pkl")
    inputs_dc = ModelDataCollector("model.pkl", identifier="inputs")
    prediction_dc = ModelDataCollector("model.pkl", identifier="prediction")


def run(input_df):
    prediction = model.predict(input_df)
    inputs_dc.collect(input_df)
    prediction_dc.collect(prediction)
    return prediction


def main():
    import pandas
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    sample = pandas.DataFrame([[3.0, 3.6, 1.3, 0.25]], columns=["sepal length", "sepal width", "petal length", "petal width"])
    generate_schema(run_func=run, inputs={"input_df": SampleDefinition(DataTypes.PANDAS, sample)}, filepath="service_schema.json")


if __name__ == "__main__":
    main()
