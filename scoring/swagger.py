"""A schema -> Swagger 2.0 (as the original wrote it) and OpenAPI 3.1. Pure; stdlib only.

The documents say what the server does, exactly: tests run schemathesis against it.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Dict, Optional, Sequence

from . import placing
from .schema import PANDAS, Schema

#: status -> what it means here; every one has the body of `ErrorResponse`
ERRORS = {
    "400": "The request does not fit the schema; `details` lists what is wrong and where.",
    "401": "The key is missing, wrong or expired.",
    "404": "No such service or path.",
    "406": "The header `Accept` allows none of the forms that this service answers in.",
    "408": "The body arrived too slowly.",
    "413": "The body is larger than this service takes.",
    "415": "The body is not of a type that this service takes.",
    "500": "The service's own code failed; the request id finds the traceback in its log.",
    "503": "Not ready, or too busy; try again after the seconds in `Retry-After`.",
    "504": "The answer took longer than this service allows.",
}

ERROR_PROPERTIES: Dict[str, Any] = {
    "code": {"type": "string"},
    "message": {"type": "string"},
    "statusCode": {"type": "integer", "format": "int32"},
    "requestId": {"type": "string"},
    "details": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "pointer": {"type": "string"},
                "field": {"type": "string"},
            },
        },
    },
}
ERROR = {"type": "object", "required": ["code", "message", "statusCode", "requestId", "details"], "properties": ERROR_PROPERTIES}


def service_input(schema: Optional[Schema], version: str) -> Dict[str, Any]:
    """The request body, with the sample filled in."""
    if schema is None:
        return {"type": "object"} if version == "2.0" else {}
    shape: Dict[str, Any] = {
        "type": "object",
        "properties": {name: each.document(version) for name, each in schema.inputs.items()},
    }
    if schema.closed:
        shape["additionalProperties"] = False
    required = [name for name in schema.inputs if name not in schema.optional]
    if required:
        shape["required"] = required
    sample = schema.sample()
    if sample:
        shape["example" if version == "2.0" else "examples"] = sample if version == "2.0" else [sample]
    return shape


def service_output(schema: Optional[Schema], version: str) -> Dict[str, Any]:
    """What the schema says of the answer. It is told to readers and not enforced, so the 3.1 document only shows it as an example."""
    if schema is not None and schema.output is not None:
        if version == "2.0":
            example = {} if schema.output.sample is None else {"example": schema.output.sample}
            return {**schema.output.document(version), **example}
        examples = {} if schema.output.sample is None else {"examples": [schema.output.sample]}
        return {"description": "As the score file describes it; not enforced.", **examples}
    if schema is None or not schema.outputs:
        return {"type": "object"} if version == "2.0" else {}
    samples = {name: each.sample for name, each in schema.outputs.items() if each.sample is not None}
    if version == "2.0":
        shape: Dict[str, Any] = {"type": "object", "properties": {name: each.document(version) for name, each in schema.outputs.items()}}
        return {**shape, "example": samples} if samples else shape
    return {"description": "As the schema describes it; not enforced.", **({"examples": [samples]} if samples else {})}


def openapi_3(
    schema: Optional[Schema],
    *,
    title: str,
    version: str,
    server_url: str = "",
    description: str = "",
    secured: bool = True,
    raw: bool = False,
    takes: Sequence[str] = (),
    gives: Sequence[str] = (),
) -> Dict[str, Any]:
    """OpenAPI 3.1 of one service. `server_url` is its public address (empty: relative); `secured` when calls need a key;
    `raw` when run() reads the request and writes the answer itself; `takes` and `gives` are media types besides JSON.
    """
    answers = _answers(schema, secured, raw, gives)
    paths: Dict[str, Any] = {
        "post": {
            "operationId": "RunMLService",
            "summary": "Run the model",
            "requestBody": {"required": schema is not None, "content": _bodies(schema, raw, takes)},
            "responses": answers,
        }
    }
    if schema is None or not schema.closed:
        parameters = _parameters(schema)
        paths["get"] = {
            "operationId": "RunMLServiceByQuery",
            "summary": "Run the model with the query's names and values",
            **({"parameters": parameters} if parameters else {}),
            "responses": answers,
        }
    health = {
        "operationId": "ServiceHealthCheck",
        "summary": "Is the service there?",
        "responses": {
            "200": {"description": "It is.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            **_failures(secured, "401", "404", "503"),
        },
    }
    shapes = {"ServiceInput": service_input(schema, "3.1"), "ServiceOutput": service_output(schema, "3.1"), "ErrorResponse": ERROR}
    document = {"openapi": "3.1.0", "paths": {"/": {"get": health}, "/score": paths}, "components": {"schemas": shapes}}
    return placing.three(document, title=title, version=version, server_url=server_url, description=description, secured=secured)


def _failures(secured: bool, *statuses: str) -> Dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
    return {status: {"description": ERRORS[status], "content": content} for status in statuses if secured or status != "401"}


def _bodies(schema: Optional[Schema], raw: bool, takes: Sequence[str]) -> Dict[str, Any]:
    if raw:
        return {"*/*": {"schema": {}}}
    content: Dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceInput"}}}
    if schema is None:
        content["text/plain"] = {"schema": {"type": "string"}}
    for form in takes:
        content[form] = {"schema": _form(form)}
        if form == "text/csv":
            content[form].update(_csv_example(schema))
    return content


def _form(form: str) -> Dict[str, Any]:
    return {"type": "string"} if form.startswith("text/") else {"type": "string", "format": "binary"}


def _csv_example(schema: Optional[Schema]) -> Dict[str, Any]:
    """The sample's rows as CSV."""
    for kind in schema.inputs.values() if schema is not None else ():
        if kind.kind == PANDAS and isinstance(kind.sample, list) and kind.sample:
            names = [str(name) for name, _ in kind.columns]  # type: ignore[attr-defined]
            out = io.StringIO(newline="")
            writer = csv.writer(out)
            writer.writerow(names)
            for row in kind.sample:
                cells = [row.get(name) if isinstance(row, dict) else None for name in names]
                writer.writerow(["" if each is None else each if isinstance(each, str) else json.dumps(each) for each in cells])
            return {"example": out.getvalue()}
    return {}


def _parameters(schema: Optional[Schema]) -> list:
    """What a query may say of open inputs."""
    if schema is None:
        return []
    return [
        {
            "name": name,
            "in": "query",
            "required": name not in schema.optional,
            "content": {"application/json": {"schema": kind.document("3.1")}},
        }
        for name, kind in schema.inputs.items()
    ]


def _answers(schema: Optional[Schema], secured: bool, raw: bool, gives: Sequence[str]) -> Dict[str, Any]:
    if raw:
        return {"default": {"description": "What run() answered."}, **_failures(secured, "401", "404", "413", "503", "504")}
    content: Dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceOutput"}}}
    content.update({form: {"schema": _form(form)} for form in gives})
    refused = ["406", "408", "413", *(["415"] if schema is not None else [])]
    return {
        "200": {"description": "What run() returned.", "content": content},
        **_failures(secured, "400", "401", "404", *refused, "500", "503", "504"),
    }


def swagger_2(
    schema: Optional[Schema],
    *,
    title: str,
    version: str,
    url: str = "",
    prefix: str = "",
    secured: bool = True,
    takes: Sequence[str] = (),
    gives: Sequence[str] = (),
) -> Dict[str, Any]:
    """Swagger 2.0 with the original's names. `url` is the public address; without one, `prefix` stands before each path."""
    error = {"description": "The request could not be answered.", "schema": {"$ref": "#/definitions/ErrorResponse"}}
    document: Dict[str, Any] = {
        "swagger": "2.0",
        "consumes": ["application/json", *takes],
        "produces": ["application/json", *gives],
        "paths": {
            "/": {
                "get": {
                    "operationId": "ServiceHealthCheck",
                    "description": "Is the service there?",
                    "produces": ["text/plain"],
                    "responses": {"200": {"description": "Healthy", "schema": {"type": "string"}}, "default": error},
                }
            },
            "/score": {
                "post": {
                    "operationId": "RunMLService",
                    "description": "Run the model.",
                    "parameters": [
                        {
                            "name": "serviceInputPayload",
                            "in": "body",
                            "required": True,
                            "description": "The input of the service.",
                            "schema": {"$ref": "#/definitions/ServiceInput"},
                        }
                    ],
                    "responses": {
                        "200": {"description": "The result.", "schema": {"$ref": "#/definitions/ServiceOutput"}},
                        "default": error,
                    },
                }
            },
        },
        "definitions": {
            "ServiceInput": service_input(schema, "2.0"),
            "ServiceOutput": service_output(schema, "2.0"),
            "ErrorResponse": ERROR,
        },
    }
    return placing.two(document, title=title, version=version, url=url, prefix=prefix, secured=secured)
