import joblib


def init():
    global model
    model = joblib.load("model.joblib")


def run(data):
    return model.predict(data)
