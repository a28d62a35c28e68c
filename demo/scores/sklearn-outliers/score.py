import logging

import joblib
import pandas
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema

sample = pandas.DataFrame({"amount": [20.0, 25.5], "hour": [12.0, 15.5]})


def init():
    global forest
    forest = joblib.load("forest.pkl")


@input_schema("payments", PandasParameterType(sample, orient="split"))
def run(payments, request_headers):
    suspicious = forest.predict(payments) == -1
    logging.info("%s: %d of %d", request_headers.get("X-Request-Id"), suspicious.sum(), len(payments))
    return payments.assign(suspicious=suspicious)
