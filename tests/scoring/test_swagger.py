"""Both documents are valid, carry the sample, and are what the portal can make without the runtime running."""

from __future__ import annotations

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator

from scoring import schema, swagger
from tests.scoring.conftest import IRIS_SCHEMA, TEXT_SCHEMA

STRUCTURED = {"input": {"a": {"type": 1, "internal": {"dtype": [["x", "float32"], ["n", "int8", [2]]], "shape": [1]}}}}
EVERY = {
    "df": schema.Pandas(
        [(name, name) for name in ("int8", "float32", "bool", "object", "text", "datetime64[ns]", "timedelta64[ns]", "Int64")]
    ),
    "s": schema.Spark({"type": "struct", "fields": [{"name": "a", "type": {"type": "map", "keyType": "string", "valueType": "byte"}}]}),
    "d": schema.Standard("dict"),
    "l": schema.Standard("list"),
}
SCHEMAS = [
    None,
    schema.read(IRIS_SCHEMA.encode()),
    schema.read(TEXT_SCHEMA.encode()),
    schema.Schema.from_json(STRUCTURED),
    schema.Schema(EVERY, {"out": schema.Standard("str", "x")}),
]


@pytest.mark.parametrize("found", SCHEMAS)
@pytest.mark.parametrize("secured", [True, False])
def test_both_documents_are_valid(found, secured):
    url = "https://scores.example/demo/iris"
    three = swagger.openapi_3(found, title="iris", version="4", server_url=url, description="What it does.", secured=secured)
    OpenAPIV31SpecValidator(three).validate()
    two = swagger.swagger_2(found, title="iris", version="4", url=url, secured=secured)
    OpenAPIV2SpecValidator(two).validate()
    assert three["servers"] == [{"url": url}]
    assert set(two["paths"]) == {"/demo/iris/", "/demo/iris/score"}
    statuses = set(three["paths"]["/score"]["post"]["responses"])
    assert {"200", "400", "404", "413", "500", "503", "504"} <= statuses
    assert ("401" in statuses) is secured


def test_the_sample_stands_in_both():
    found = SCHEMAS[1]
    assert swagger.openapi_3(found, title="t", version="1")["components"]["schemas"]["ServiceInput"]["examples"] == [found.sample()]
    assert swagger.swagger_2(found, title="t", version="1")["definitions"]["ServiceInput"]["example"] == found.sample()


def test_the_document_is_strict():
    shape = swagger.service_input(SCHEMAS[1], "3.1")
    row = shape["properties"]["input_df"]["items"]
    assert shape["additionalProperties"] is False and row["additionalProperties"] is False
    assert shape["required"] == ["input_df"]
    assert sorted(row["required"]) == ["petal length", "petal width", "sepal length", "sepal width"]
