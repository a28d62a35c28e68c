"""`ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1): a change is refused when the thing was changed since it was read.

The tag is of what people can change. What is only observed (a service's state, its replicas) does not change it, or nobody could
ever write to a service that is at work. So it is never used to answer 304.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import models
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.response import Response

from portal.editing import changed_meanwhile, held, last_change, tag_of

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag that was read: 412 when somebody has changed it since. * is any."
)
ETAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="Of what can be changed; for If-Match")
CONDITIONAL = ("partial_update", "update", "destroy")


class TaggedMixin:
    """For a view set whose things people edit: `change_class` is the serializer of PATCH, whose fields are what the tag is of."""

    change_class: type[serializers.Serializer]

    def tagged(self, row: models.Model, data: dict[str, Any], **more) -> Response:
        """The answer that shows a row, with its tag."""
        return Response(data, headers={"ETag": self.tag(row, data)}, **more)

    def tag(self, row: models.Model, data: dict[str, Any]) -> str:
        names = self.change_class().fields
        return tag_of({name: data[name] for name in names if name in data} | self.more_of(row))

    def more_of(self, row: models.Model) -> dict[str, Any]:
        """What else the tag is of."""
        return {}

    def last_changed(self, row: models.Model) -> tuple[str, datetime] | None:
        """By whom, and when, as far as the person may know."""
        event = last_change(self.request.user, row)
        return (event.actor_label, event.created_at) if event is not None else None

    def shown(self, row: models.Model) -> dict[str, Any]:
        return self.get_serializer(row).data

    @contextmanager
    def unless_changed(self) -> Iterator[models.Model]:
        """The row of the address, while nobody else can write to it; raises PreconditionFailed where `If-Match` says otherwise."""
        row, wanted = self.get_object(), self.request.headers.get("If-Match", "")
        if not wanted:
            yield row
            return
        with held(row):
            row = self.get_object()
            tag = self.tag(row, self.shown(row))
            # On the way a compressed answer's tag became a weak one; what it is of is the same.
            if not {"*", tag} & {each.strip().removeprefix("W/") for each in wanted.split(",")}:
                raise changed_meanwhile(row, tag, self.last_changed(row))
            yield row
