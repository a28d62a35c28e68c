"""What drf-spectacular cannot see: the error shape on every route, and tags by noun."""

from __future__ import annotations

from functools import cache

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from portal.api.editing import CONDITIONAL, ETAG, IF_MATCH, TaggedMixin


@cache
def error_serializer():
    return inline_serializer(
        "Error",
        {
            "code": serializers.CharField(),
            "message": serializers.CharField(),
            "statusCode": serializers.IntegerField(),
            "requestId": serializers.CharField(),
            "details": inline_serializer(
                "ErrorDetail",
                {"code": serializers.CharField(), "message": serializers.CharField(), "field": serializers.CharField()},
                many=True,
            ),
        },
    )


class PortalSchema(AutoSchema):
    """Adds 400, 401, 403, 404 (and 409, 415 for writes) to every route, in the one error shape."""

    def get_summary(self):
        """What the view says by `extend_schema`; else made of the verb and the last words of the address, "List members"."""
        said = super().get_summary()
        if said:
            return said
        words = [part for part in self.path.split("/") if part and not part.startswith("{")]
        noun = words[-1].replace("-", " ")
        action = getattr(self.view, "action", None) or self.method.lower()
        verbs = {
            "list": "List",
            "retrieve": "Show one of",
            "create": "Add to",
            "partial_update": "Change one of",
            "update": "Replace one of",
            "destroy": "Delete one of",
        }
        return f"{verbs[action]} {noun}" if action in verbs else action.replace("_", " ").capitalize()

    def get_tags(self):
        parts = [part for part in self.path.split("/") if part and not part.startswith("{")]
        return [parts[3] if len(parts) > 3 else parts[-1]]

    def _is_conditional(self) -> bool:
        return isinstance(self.view, TaggedMixin) and getattr(self.view, "action", None) in CONDITIONAL

    def get_override_parameters(self):
        found = super().get_override_parameters()
        if self._is_conditional():
            found = [*found, IF_MATCH]
        if isinstance(self.view, TaggedMixin) and getattr(self.view, "action", None) in ("retrieve", "create", "partial_update"):
            found = [*found, ETAG]
        return found

    def _get_response_bodies(self, direction="response"):
        bodies = super()._get_response_bodies(direction)
        error = self._get_response_for_code(error_serializer(), "400", direction=direction)
        if self._is_conditional():
            bodies.setdefault("412", error)
        for code in ["400", "401", "403", "404", *(["409", "413", "415"] if self.method != "GET" else [])]:
            bodies.setdefault(code, error)
        return bodies
