"""Fields with a form of their own on the wire: sizes as people write them, and what went wrong in the reader's language."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployments.quantities import parse_cpu, parse_gpus, parse_memory, show_gpus, show_memory
from portal.told import in_words


@extend_schema_field({"type": ["string", "integer"], "example": "512Mi"})
class MemoryField(serializers.Field):
    """`512Mi` in, `512Mi` out; bytes inside."""

    def to_representation(self, value):
        return show_memory(value)

    def to_internal_value(self, data):
        try:
            return parse_memory(data)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from None


@extend_schema_field({"type": ["number", "string"], "example": 0.5})
class CpuField(serializers.Field):
    """`0.5` or `500m` in, a number out."""

    def to_representation(self, value):
        return value

    def to_internal_value(self, data):
        try:
            return parse_cpu(data)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from None


@extend_schema_field({"type": ["integer", "string"], "example": 0, "description": "How many GPUs a replica is given, or all"})
class GpusField(serializers.Field):
    """`0`, `1` or `all`."""

    def to_representation(self, value):
        return show_gpus(value)

    def to_internal_value(self, data):
        try:
            return parse_gpus(data)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from None


@extend_schema_field(
    {
        "type": ["object", "null"],
        "description": "Set when it failed (or waits for another try)",
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "fault": {"type": "string", "enum": ["yours", "ours"]},
            "file": {"type": "string"},
            "line": {"type": ["integer", "null"]},
            "lines": {"type": "array", "items": {"type": "string"}, "description": "The last 30 lines of the log"},
        },
    }
)
class OperationErrorField(serializers.JSONField):
    def to_representation(self, value):
        if not isinstance(value, dict):
            return value
        # What would help is told as `proposal`, in the person's own file.
        shown = {name: part for name, part in value.items() if name not in ("cure", "told")}
        return {**shown, "message": in_words(value.get("told") or value.get("message"))}
