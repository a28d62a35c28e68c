"""A service's OpenAPI documents, made from its schema by the same code that its replicas use."""

from __future__ import annotations

from urllib.parse import urlsplit

import scoring.schema
import scoring.swagger
from deployments.models import Revision, Service


def _schema(service: Service):
    revision = service.revisions.select_related("image__manifest").filter(state=Revision.State.SERVING).first()
    revision = revision or service.revisions.select_related("image__manifest").order_by("-number").first()
    document = revision.image.manifest.service_schema if revision else None
    return (scoring.schema.Schema.from_json(document) if document else None), str(revision.number if revision else 0)


def openapi(service: Service) -> dict:
    """OpenAPI 3.1."""
    schema, version = _schema(service)
    return scoring.swagger.openapi_3(schema, title=service.name, version=version, server_url=service.url, description=service.description)


def swagger_2(service: Service) -> dict:
    """Swagger 2.0, as the original served it."""
    schema, version = _schema(service)
    parts = urlsplit(service.url)
    return scoring.swagger.swagger_2(schema, title=service.name, version=version, prefix=parts.path, host=parts.netloc)


def sample(service: Service) -> dict | None:
    """The request body with the schema's sample filled in; None without a schema."""
    schema, _ = _schema(service)
    return schema.sample() if schema else None
