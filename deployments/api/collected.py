"""REST of collected data: days listed, looked at, taken along and deleted."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import mixins
from rest_framework import serializers as drf
from rest_framework.response import Response

from deployments import states
from deployments.actions import collected
from deployments.api.views import find_named
from deployments.collected import export, joining, reading, store
from deployments.models import CollectedDay, Service
from portal.accounts.permissions import Permission, require
from portal.api.views import ScopedViewSet
from portal.errors import BadRequest, NotFound
from registry.downloads import send_chunks

STREAM = [
    OpenApiParameter("model", description="Only collectors of this model"),
    OpenApiParameter("modelVersion", description="Only of this version"),
    OpenApiParameter("identifier", description="Only collectors of this name, such as inputs"),
]
RANGE = [
    OpenApiParameter("from", OpenApiTypes.DATE, description="The first day (UTC)"),
    OpenApiParameter("to", OpenApiTypes.DATE, description="The last day"),
    *STREAM,
]
FORMAT = OpenApiParameter("as", description="csv (if left out), jsonl or parquet", enum=list(export.TYPES))
DELETED = inline_serializer("CollectedDeleted", {"rows": drf.IntegerField(help_text="How many rows are gone")})


class CollectedDaySerializer(drf.ModelSerializer):
    """What one collector of a service kept on one day (UTC)."""

    modelVersion = drf.CharField(source="version")
    dropped = drf.IntegerField(help_text="Rows that were collected and lost")
    path = drf.SerializerMethodField(help_text="The folder of its Parquet files in the portal's storage")
    updatedAt = drf.DateTimeField(source="updated_at")

    class Meta:
        model = CollectedDay
        fields = ["day", "model", "modelVersion", "identifier", "rows", "bytes", "dropped", "path", "updatedAt"]

    def get_path(self, day) -> str:
        return "collected/" + store.folder(day.service, day.stream, day.day)


class CollectedBlockSerializer(drf.Serializer):
    """The columns of one collector."""

    model = drf.CharField()
    modelVersion = drf.CharField(source="version")
    identifier = drf.CharField()
    columns = drf.ListField(child=drf.CharField())


class CollectedLineSerializer(drf.Serializer):
    """What was kept for one row of one request; `cells` has, for each collector, its values, or null."""

    timestamp = drf.DateTimeField(source="at")
    correlationId = drf.CharField(source="correlation")
    requestId = drf.CharField(source="request")
    cells = drf.ListField(child=drf.JSONField(allow_null=True))


class CollectedPreviewSerializer(drf.Serializer):
    """The first rows of a day, with what belongs to the same request side by side."""

    collectors = CollectedBlockSerializer(source="blocks", many=True)
    rows = CollectedLineSerializer(source="lines", many=True)


def day_of(said: str, name: str) -> date:
    """Raises BadRequest that names the parameter."""
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise BadRequest(_("%(name)s must be a day such as 2026-01-31.") % {"name": name}, field=name) from None


def chosen(query) -> dict[str, Any]:
    """The range and the collector that a query asks for."""
    days = {key: day_of(query[name], name) for key, name in (("first", "from"), ("last", "to")) if query.get(name)}
    named = (("model", "model"), ("version", "modelVersion"), ("identifier", "identifier"))
    return {**days, **{key: query[name] for key, name in named if query.get(name)}}


class CollectedViewSet(ScopedViewSet, mixins.ListModelMixin):
    """Rows that score.py handed to its collectors, by day and collector."""

    permission, noun = Permission.COLLECTED_READ, "day"
    queryset = CollectedDay.objects.all()
    serializer_class = CollectedDaySerializer
    filter_backends = []

    @property
    def service(self) -> Service:
        visible = states.for_states(Service.objects.allowing(self.request.user, Permission.SERVICE_READ)).filter(group=self.group)
        return find_named(visible, self.kwargs["name"], "service")

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return CollectedDay.objects.none()
        service = self.service
        require(self.request.user, self.permission, service.group)
        return reading.days_of(service, **chosen(self.request.query_params)).select_related("service__group")

    @extend_schema(parameters=RANGE)
    def list(self, request, group=None, name=None):
        """Newest first."""
        return super().list(request)

    @extend_schema(parameters=STREAM, responses=CollectedPreviewSerializer)
    def retrieve(self, request, group=None, name=None, day=None):
        """The first 50 rows of a day; inputs and predictions of a request stand side by side."""
        found = list(self.get_queryset().filter(day=day_of(day, "day")))
        if not found:
            raise NotFound(_("Nothing is kept of %(day)s.") % {"day": day})
        return Response(CollectedPreviewSerializer(joining.preview(found)).data)

    @extend_schema(parameters=[FORMAT, *RANGE], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def download(self, request, group=None, name=None):
        """One file with the rows of all the days that are asked for."""
        asked = chosen(request.query_params)
        format = request.query_params.get("as", "csv")
        found = collected.download_collected(user=request.user, service=self.service, format=format, **asked)
        return send_chunks(request, found.chunks, found.name, found.content_type)

    @extend_schema(parameters=RANGE, responses={200: DELETED})
    def destroy(self, request, group=None, name=None):
        """For good; `from` and `to` must both be said."""
        asked = chosen(request.query_params)
        for key, said in (("first", "from"), ("last", "to")):
            if key not in asked:
                raise BadRequest(_("Say %(said)s: the first and the last day to delete.") % {"said": said}, field=said)
        return Response({"rows": collected.delete_collected(user=request.user, service=self.service, **asked)})
