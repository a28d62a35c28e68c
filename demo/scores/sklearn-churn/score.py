# Which customers will leave. The layout is that of the first generation of such files: everything is imported in init(),
# and main() writes the schema from a sample.


def init():
    global model, inputs_dc, prediction_dc
    from azureml.datacollector import ModelDataCollector
    from sklearn.externals import joblib

    model = joblib.load("model.pkl")
    inputs_dc = ModelDataCollector("model.pkl", identifier="inputs")
    prediction_dc = ModelDataCollector("model.pkl", identifier="prediction")


def run(input_df):
    import json

    pred = model.predict(input_df)
    inputs_dc.collect(input_df)
    prediction_dc.collect(pred)
    return json.dumps([str(each) for each in pred])


def main():
    import pandas
    from azureml.api.realtime.services import generate_schema
    from azureml.api.schema.dataTypes import DataTypes
    from azureml.api.schema.sampleDefinition import SampleDefinition

    df = pandas.DataFrame({"age": [41.0, None], "months": [30, 3], "plan": ["family", "basic"], "calls": [2, 6]})
    init()
    print(run(df))
    inputs = {"input_df": SampleDefinition(DataTypes.PANDAS, df)}
    generate_schema(run_func=run, inputs=inputs, filepath="service_schema.json")


if __name__ == "__main__":
    main()
