"""azureml.api.* with its older name azure.ml.api, and its later one azureml.webservice_schema; what old wrappers use of their inside, too."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

from .. import inputs, samples, schema, swagger
from ..samples import generate_schema
from ..schema import Numpy, Pandas, Spark, Standard, Type
from ..values import Enough, Faults

__all__ = [
    "DataTypes",
    "Numpy",
    "NumpyUtil",
    "Pandas",
    "PandasUtil",
    "PythonUtil",
    "SampleDefinition",
    "ServiceSchema",
    "Spark",
    "SparkUtil",
    "Standard",
    "generate_schema",
    "generate_service_swagger",
    "json",
    "load_service_schema",
    "parse_service_input",
    "save_service_schema",
]


class DataTypes:
    STANDARD, NUMPY, SPARK, PANDAS = schema.STANDARD, schema.NUMPY, schema.SPARK, schema.PANDAS


class SampleDefinition:
    """A kind and a sample of it. TypeError when they do not go together."""

    def __init__(self, input_type: int, sample: Any):
        if input_type not in schema.NAMES:
            raise ValueError("The type must be a member of DataTypes.")
        self.schema = samples.type_of(input_type, sample)
        self.type, self.sample = input_type, sample


class ServiceSchema:
    """`input` is what `parse_service_input` takes."""

    def __init__(self, found: schema.Schema):
        self.input, self.output = found, found.outputs


def load_service_schema(filename: str) -> ServiceSchema:
    with open(filename, "rb") as file:
        return ServiceSchema(schema.read(file.read()))


def save_service_schema(
    filename: str, input_schema: Optional[Dict[str, Any]] = None, output_schema: Optional[Dict[str, Any]] = None
) -> None:
    """From SampleDefinitions by name."""
    sides = ({name: each.schema for name, each in (side or {}).items()} for side in (input_schema, output_schema))
    with open(filename, "w", encoding="utf-8") as file:
        json.dump(schema.Schema(*sides).to_json(), file, indent=1)


def parse_service_input(http_body: Any, service_schema: Any) -> Dict[str, Any]:
    """A request body -> run()'s keyword arguments."""
    raw = http_body.encode("utf-8") if isinstance(http_body, str) else http_body
    found = getattr(service_schema, "input", service_schema)
    return inputs.build(found, inputs.check(found, raw))


def generate_service_swagger(
    service_name: str, service_schema_file_path: Optional[str] = None, service_version: str = "1.0", service_path_prefix: str = ""
) -> Dict[str, Any]:
    """Swagger 2.0 of a schema file."""
    found = load_service_schema(service_schema_file_path).input if service_schema_file_path else None
    return swagger.swagger_2(found, title=service_name, version=service_version, prefix=service_path_prefix)


class _Util:
    """What the original kept for each kind of sample."""

    kind = -1

    @classmethod
    def extract_schema(cls, sample_data: Any) -> Type:
        return samples.type_of(cls.kind, sample_data)

    @staticmethod
    def get_input_object(raw_input_value: Any, input_schema: Type) -> Any:
        """Decoded JSON -> what run() is given. ValueError says what does not fit."""
        faults, value = Faults(), None
        try:
            value = input_schema.read(raw_input_value, "", faults)
        except Enough:
            pass
        if faults:
            raise ValueError(f"{faults[0]['pointer'] or 'input'}: {faults[0]['message']}")
        return inputs.build_one(input_schema, value)


class NumpyUtil(_Util):
    kind = schema.NUMPY


class PandasUtil(_Util):
    kind = schema.PANDAS


class SparkUtil(_Util):
    kind = schema.SPARK


class PythonUtil(_Util):
    kind = schema.STANDARD
