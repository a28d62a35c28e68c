"""A service's OpenAPI documents: what its image told of itself when it was probed, else made from the schema by the code of its replicas."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, When

import scoring.schema
import scoring.swagger
from deployments.models import Revision, Service
from registry.models import Image
from scoring import placing


def shown_revision(service: Service) -> Revision | None:
    """The one that serves, else the newest, with its image and manifest; asked for once, if they did not come with the service."""
    if "_shown_revision" not in service.__dict__:
        service._shown_revision = _shown_revision(service)
    return service._shown_revision


def _shown_revision(service: Service) -> Revision | None:
    told = getattr(service, "telling_revisions", ())
    if told and not told[0].image.get_deferred_fields():
        return next((revision for revision in told if revision.state == Revision.State.SERVING), told[0])
    serving_first = Case(When(state=Revision.State.SERVING, then=0), default=1)
    revisions = Revision.objects.filter(service=service).select_related("image__manifest")
    return revisions.order_by(serving_first, "-number").first()


def _schema(image: Image | None) -> scoring.schema.Schema | None:
    document = image.manifest.service_schema if image else None
    return scoring.schema.Schema.from_json(document) if document else None


def shown_schema(service: Service) -> scoring.schema.Schema | None:
    """What callers are checked against now."""
    revision = shown_revision(service)
    return _schema(revision.image if revision else None)


def _told(image: Image | None, kind: str) -> dict[str, Any] | None:
    """Kind "2" or "3", as the probe told it. It is other people's JSON: what is no document of an API is left aside."""
    found = image.documents.get(kind) if image else None
    return found if isinstance(found, dict) and placing.kind_of(found) == kind and not placing.problem(found) else None


def _is_own(image: Image, kind: str) -> bool:
    own = image.documents.get("own")
    return isinstance(own, list) and kind in own


def openapi(service: Service) -> dict[str, Any]:
    """OpenAPI 3.1."""
    revision = shown_revision(service)
    image = revision.image if revision else None
    where = {
        "title": service.name,
        "version": str(revision.number if revision else 0),
        "server_url": service.url,
        "description": service.description,
    }
    told = _told(image, "3")
    if image and told:
        return placing.three(told, own=_is_own(image, "3"), **where)
    return scoring.swagger.openapi_3(_schema(image), **where)


def swagger_2(service: Service) -> dict[str, Any]:
    """Swagger 2.0, as the original served it."""
    revision = shown_revision(service)
    image = revision.image if revision else None
    where = {"title": service.name, "version": str(revision.number if revision else 0), "url": service.url}
    told = _told(image, "2")
    if image and told:
        return placing.two(told, own=_is_own(image, "2"), **where)
    return scoring.swagger.swagger_2(_schema(image), **where)


def sample(service: Service) -> dict[str, Any] | None:
    """The request body with the sample of schema or decorators filled in; None without one."""
    revision = shown_revision(service)
    image = revision.image if revision else None
    schema = _schema(image)
    if schema:
        return schema.sample()
    if image and not _is_own(image, "2"):
        shape = ((_told(image, "2") or {}).get("definitions") or {}).get("ServiceInput")
        example = shape.get("example") if isinstance(shape, dict) else None
        return example if isinstance(example, dict) else None
    return None


def field_names(service: Service, most: int = 200) -> list[str]:
    """Names of fields in requests and answers, nested ones too, as the service's document tells them."""
    schemas = openapi(service).get("components", {}).get("schemas", {})
    found: dict[str, None] = {}
    left = [schemas.get("ServiceInput"), schemas.get("ServiceOutput")]
    while left and len(found) < most:
        shape = left.pop(0)
        if not isinstance(shape, dict):
            continue
        properties = shape.get("properties")
        if isinstance(properties, dict):
            found |= dict.fromkeys(name for name in properties if isinstance(name, str))
            left += properties.values()
        left.append(shape.get("items"))
    return list(found)[:most]
