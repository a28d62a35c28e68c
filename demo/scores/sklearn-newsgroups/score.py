"""Which newsgroup a text belongs to, and a post of that group, from a folder of data that lies beside this file."""

import pandas


def init():
    global model, posts
    import joblib

    model = joblib.load("newsgroups.pkl")
    posts = pandas.read_csv("./posts/known.csv")


def run(input_text):
    group = model.predict([input_text])[0]
    return "{} ({}): {}".format(group, round(model.predict_proba([input_text]).max(), 2), posts[posts["group"] == group]["text"].iloc[0])


if __name__ == "__main__":
    from azure.ml.api.realtime.services import generate_schema
    from azure.ml.api.schema.dataTypes import DataTypes
    from azure.ml.api.schema.sampleDefinition import SampleDefinition

    inputs = {"input_text": SampleDefinition(DataTypes.STANDARD, "a rocket flies to the moon")}
    generate_schema(run_func=run, inputs=inputs, filepath="service_schema.json")
