"""Decorated as the later SDK has it: the names in the body are the names of run()'s arguments."""

import csv
from itertools import pairwise

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global distances
    with open("distances.csv", newline="") as file:
        distances = {frozenset((row["from"], row["to"])): int(row["km"]) for row in csv.DictReader(file)}


@input_schema("trip", StandardPythonParameterType({"stops": StandardPythonParameterType(["Berlin", "Hamburg"]), "empty": False}))
@input_schema("speed", StandardPythonParameterType(80.0))
@output_schema(StandardPythonParameterType({"km": 289, "hours": 3.6}))
def run(trip, speed=80.0):
    stops = trip["stops"]
    km = sum(distances[frozenset(leg)] for leg in pairwise(stops))
    return {"km": km, "hours": round(km / speed, 2), "toll": 0 if trip["empty"] else km * 0.19}
