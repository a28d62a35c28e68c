"""A schema -> Swagger 2.0 (as the original wrote it) and OpenAPI 3.1. Pure; stdlib only.

The documents say what the server does, exactly: tests run schemathesis against it.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from .schema import Schema

#: status -> what it means here; every one has the body of `ErrorResponse`
ERRORS = {
    "400": "The request does not fit the schema; `details` lists what is wrong and where.",
    "401": "The key is missing, wrong or expired.",
    "404": "No such service or path.",
    "408": "The body arrived too slowly.",
    "413": "The body is larger than this service takes.",
    "415": "The body is not JSON.",
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
) -> Dict[str, Any]:
    """OpenAPI 3.1 of one service. `server_url` is its public address (empty: relative); `secured` when calls need a key;
    `raw` when run() reads the request and writes the answer itself.
    """

    def failure(status: str) -> Dict[str, Any]:
        return {"description": ERRORS[status], "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}}

    def failures(*statuses: str) -> Dict[str, Any]:
        return {status: failure(status) for status in statuses if secured or status != "401"}

    request = {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceInput"}}}
    if schema is None:
        request["text/plain"] = {"schema": {"type": "string"}}
    if raw:
        request = {"*/*": {"schema": {}}}
    score: Dict[str, Any] = {
        "operationId": "RunMLService",
        "summary": "Run the model",
        "requestBody": {"required": schema is not None, "content": request},
        "responses": {
            "200": {
                "description": "What run() returned.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ServiceOutput"}}},
            },
            **failures("400", "401", "404", "408", "413", *(["415"] if schema is not None else []), "500", "503", "504"),
        },
    }
    if raw:
        score["responses"] = {"default": {"description": "What run() answered."}, **failures("401", "404", "413", "503", "504")}
    paths: Dict[str, Any] = {"post": score}
    if schema is None or not schema.closed:
        asked = (
            [
                {"name": name, "in": "query", "required": name not in schema.optional, "content": {"application/json": {"schema": shape}}}
                for name, shape in ((each, kind.document("3.1")) for each, kind in schema.inputs.items())
            ]
            if schema is not None
            else []
        )
        paths["get"] = {
            "operationId": "RunMLServiceByQuery",
            "summary": "Run the model with the query's names and values",
            **({"parameters": asked} if asked else {}),
            "responses": score["responses"],
        }
    health = {
        "operationId": "ServiceHealthCheck",
        "summary": "Is the service there?",
        "responses": {
            "200": {"description": "It is.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            **failures("401", "404", "503"),
        },
    }
    components: Dict[str, Any] = {
        "schemas": {"ServiceInput": service_input(schema, "3.1"), "ServiceOutput": service_output(schema, "3.1"), "ErrorResponse": ERROR},
    }
    document: Dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title or "Service", "version": version or "1.0"},
        "servers": [{"url": server_url or "/"}],
        "paths": {"/": {"get": health}, "/score": paths},
        "components": components,
    }
    if description:
        document["info"]["description"] = description
    if secured:
        components["securitySchemes"] = {
            "Key": {"type": "http", "scheme": "bearer", "description": "The service's primary or secondary key."}
        }
        document["security"] = [{"Key": []}]
    return document


def swagger_2(
    schema: Optional[Schema],
    *,
    title: str,
    version: str,
    prefix: str = "",
    host: str = "",
    schemes: Optional[list] = None,
    secured: bool = True,
) -> Dict[str, Any]:
    """Swagger 2.0 with the original's names. `prefix` stands before each path, as SERVICE_PATH_PREFIX did."""
    prefix = "/" + prefix.strip("/") if prefix.strip("/") else ""
    error = {"description": "The request could not be answered.", "schema": {"$ref": "#/definitions/ErrorResponse"}}
    document: Dict[str, Any] = {
        "swagger": "2.0",
        "info": {"title": title or "Service", "version": version or "1.0"},
        "schemes": schemes or ["http", "https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {
            f"{prefix}/": {
                "get": {
                    "operationId": "ServiceHealthCheck",
                    "description": "Is the service there?",
                    "produces": ["text/plain"],
                    "responses": {"200": {"description": "Healthy", "schema": {"type": "string"}}, "default": error},
                }
            },
            f"{prefix}/score": {
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
    if host:
        document["host"] = host
    if secured:
        document["securityDefinitions"] = {
            "Bearer": {"type": "apiKey", "name": "Authorization", "in": "header", "description": "Bearer followed by a space and the key."}
        }
        document["security"] = [{"Bearer": []}]
    return document
