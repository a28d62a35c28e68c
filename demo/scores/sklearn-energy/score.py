"""In the shape that Power BI calls: `Inputs` with a table in it, optional `GlobalParameters`, and `Results`."""

import joblib
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

table = pd.DataFrame([{"area": 120.0, "glass": 0.3}])
sample_input = StandardPythonParameterType({"houses": PandasParameterType(table)})
sample_output = StandardPythonParameterType({"Results": NumpyParameterType(np.array([[45.6, 36.0]]))})


def init():
    global model
    model = joblib.load("energy.pkl")


@input_schema("GlobalParameters", StandardPythonParameterType({"factor": 1.0}))
@input_schema("Inputs", sample_input)
@output_schema(sample_output)
def run(Inputs, GlobalParameters={"factor": 1.0}):  # noqa: B006 the sample's value, never changed
    return {"Results": model.predict(Inputs["houses"]) * GlobalParameters["factor"]}
