"""azureml.api.schema.*, azureml.api.realtime.services and their older azure.ml names."""

from __future__ import annotations

from typing import Any, Dict

from .. import inputs, samples, schema
from ..samples import generate_schema

__all__ = ["DataTypes", "SampleDefinition", "generate_schema", "load_service_schema", "parse_service_input"]


class DataTypes:
    STANDARD, NUMPY, SPARK, PANDAS = schema.STANDARD, schema.NUMPY, schema.SPARK, schema.PANDAS


class SampleDefinition:
    """A kind and a sample of it. TypeError when they do not go together."""

    def __init__(self, input_type: int, sample: Any):
        if input_type not in schema.NAMES:
            raise ValueError("The type must be a member of DataTypes.")
        samples.type_of(input_type, sample)
        self.type, self.sample = input_type, sample


def load_service_schema(filename: str) -> schema.Schema:
    with open(filename, "rb") as file:
        return schema.read(file.read())


def parse_service_input(http_body: Any, service_schema: schema.Schema) -> Dict[str, Any]:
    """A request body -> run()'s keyword arguments."""
    raw = http_body.encode("utf-8") if isinstance(http_body, str) else http_body
    return inputs.build(service_schema, inputs.check(service_schema, raw))
