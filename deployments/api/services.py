"""REST of services: their keys, revisions, replicas, logs and documents."""

from __future__ import annotations

from django.db.models import Max
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import mixins
from rest_framework import serializers as drf
from rest_framework.response import Response

from deployments import logs, replica_logs, states, swagger
from deployments.actions import services
from deployments.api import serializers
from deployments.api.views import accepted, environment_of, find_named, validated
from deployments.filters import ServiceFilter
from deployments.models import Replica, Revision, Service
from deployments.telemetry import series, tables
from deployments.telemetry.window import Window
from portal.accounts.permissions import Permission
from portal.api.editing import TaggedMixin
from portal.api.views import ScopedViewSet
from portal.errors import BadRequest, NotFound
from portal.names import find
from registry.models import Image

KEY_VALUE = inline_serializer("KeyValue", {"slot": drf.CharField(), "value": drf.CharField(help_text="Shown this once")})
WINDOW = [
    OpenApiParameter("range", description="The time until now: 15m, 1h, 6h, 24h, 7d, 30d or the like; 1h if left out"),
    OpenApiParameter("from", description="Instead of range: ISO 8601, or seconds since 1970"),
    OpenApiParameter("to", description="With from; now if left out"),
    OpenApiParameter("step", OpenApiTypes.INT, description="Seconds, a multiple of 10; made coarser where finer is not kept"),
    OpenApiParameter("revision", OpenApiTypes.INT, description="Only this revision"),
    OpenApiParameter("key", description="Only this key: primary, secondary, session, or the id of a key"),
    OpenApiParameter("replica", description="CPU, memory and load of this replica alone"),
    OpenApiParameter(
        "compare", description="Anything: the same length of time just before comes as previous, and steps are as coarse as it is kept"
    ),
]
LOG_QUERY = [
    OpenApiParameter("replica", description="Only this one; may be given several times"),
    OpenApiParameter("level", description="This level and graver ones: DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    OpenApiParameter("q", description="Only lines that hold this text, in any case"),
    OpenApiParameter("requestId", description="Only lines of this request"),
    OpenApiParameter("from", description="After this time: ISO 8601, or seconds since 1970"),
    OpenApiParameter("to", description="Before this time"),
    OpenApiParameter("lines", OpenApiTypes.INT, description="At most 5000; 200 if left out"),
]


class MergedLineSerializer(drf.Serializer):
    at = drf.DateTimeField()
    replica = drf.CharField()
    level = drf.CharField(help_text="Empty where the line does not tell")
    message = drf.CharField()
    requestId = drf.CharField(source="request_id")
    text = drf.CharField(help_text="The line as it was printed")


MERGED_LINES = inline_serializer(
    "MergedLogLines", {"replicas": drf.ListField(child=drf.CharField()), "lines": MergedLineSerializer(many=True)}
)
LOG_LINES = inline_serializer("LogLines", {"lines": drf.ListField(child=drf.CharField())})


def number_of(request, name: str, *, usual: int, most: int) -> int:
    """A whole number from the query, at most `most`; anything else is refused by name."""
    asked = request.query_params.get(name, str(usual))
    if not (asked.isascii() and asked.isdecimal() and len(asked) <= 9 and int(asked) >= 1):
        raise BadRequest(_("%(name)s must be a whole number from 1 to %(most)s.") % {"name": name, "most": most}, field=name)
    return min(int(asked), most)


class ServiceViewSet(TaggedMixin, ScopedViewSet, mixins.ListModelMixin):
    """A name with a stable URL and two keys, running one image."""

    permission, noun = Permission.SERVICE_READ, "service"
    queryset = states.for_states(Service.objects.all())
    serializer_class, change_class = serializers.ServiceSerializer, serializers.UpdateServiceSerializer
    filterset_class = ServiceFilter
    lookup_field = "name"

    def get_object(self) -> Service:
        return find_named(self.get_queryset(), self.kwargs["name"], self.noun)

    def _image(self, said: str) -> Image:
        visible = Image.objects.allowing(self.request.user, Permission.IMAGE_READ).filter(group=self.group)
        return find(visible, said, noun="image")

    def more_of(self, row: Service) -> dict:
        """The image that somebody wants may not serve yet; each that was wanted made a revision. None is lost when one fails."""
        return {"image": row.revisions.aggregate(newest=Max("number"))["newest"]}

    def last_changed(self, row: Service):
        """A revision that had to be built first comes long after the event of asking for it."""
        told, newest = super().last_changed(row), row.revisions.select_related("created_by").order_by("-number").first()
        if told is None or newest is None or newest.created_at <= told[1]:
            return told
        return str(newest.created_by or "system"), newest.created_at

    def retrieve(self, request, group=None, name=None):
        service = self.get_object()
        return self.tagged(service, self.shown(service))

    @extend_schema(request=serializers.CreateServiceSerializer, responses={202: serializers.CreatedServiceSerializer})
    def create(self, request, group=None):
        """The answer holds the two keys, this once."""
        asked = validated(serializers.CreateServiceSerializer, request)
        operation, keys = services.create_service(
            user=request.user,
            group=self.group,
            name=asked.pop("name"),
            image=self._image(asked.pop("image")),
            environment=environment_of(self, asked.pop("environment", None)),
            **asked,
        )
        return accepted(operation, {"keys": keys})

    @extend_schema(
        request=serializers.UpdateServiceSerializer, responses={200: serializers.ServiceSerializer, 202: serializers.OperationSerializer}
    )
    def partial_update(self, request, group=None, name=None):
        """202 when something has to be rolled out, 200 when not. URL and keys never change."""
        asked = validated(serializers.UpdateServiceSerializer, request)
        image = self._image(asked.pop("image")) if asked.get("image") else asked.pop("image", None)
        with self.unless_changed() as service:
            operation = services.update_service(user=request.user, service=service, image=image or None, **asked)
        if operation:
            return accepted(operation)
        service = self.get_object()
        return self.tagged(service, self.shown(service))

    @extend_schema(responses={202: serializers.OperationSerializer})
    def destroy(self, request, group=None, name=None):
        with self.unless_changed() as service:
            operation = services.delete_service(user=request.user, service=service)
        return accepted(operation)

    @extend_schema(request=None, responses={202: serializers.OperationSerializer})
    def stop(self, request, group=None, name=None):
        return accepted(services.stop_service(user=request.user, service=self.get_object()))

    @extend_schema(request=None, responses={202: serializers.OperationSerializer})
    def start(self, request, group=None, name=None):
        return accepted(services.start_service(user=request.user, service=self.get_object()))

    @extend_schema(responses=serializers.KeySerializer(many=True))
    def keys(self, request, group=None, name=None):
        """Primary and secondary: everything but their values."""
        return Response(serializers.KeySerializer(self.get_object().keys.standing(), many=True).data)

    @extend_schema(request=serializers.RegenerateKeySerializer, responses=KEY_VALUE)
    def regenerate_key(self, request, group=None, name=None, slot=None):
        """The old value of this slot stops at once or after some hours; the other key goes on."""
        asked = validated(serializers.RegenerateKeySerializer, request)
        value = services.regenerate_key(user=request.user, service=self.get_object(), slot=slot, **asked)
        return Response({"slot": slot, "value": value})

    @extend_schema(request=None, responses={204: None})
    def stop_old_key(self, request, group=None, name=None, slot=None):
        """The replaced value of this slot stops now, whatever time it was given."""
        services.stop_old_key(user=request.user, service=self.get_object(), slot=slot)
        return Response(status=204)

    @extend_schema(request=None, responses=KEY_VALUE)
    def session_key(self, request, group=None, name=None):
        """A key of one's own for a quarter of an hour."""
        return Response({"slot": "session", "value": services.session_key(user=request.user, service=self.get_object())})

    @extend_schema(responses=serializers.RevisionSerializer(many=True))
    def revisions(self, request, group=None, name=None):
        """The history, newest first."""
        rows = Revision.objects.filter(service=self.get_object()).select_related("image", "created_by")
        page = self.paginate_queryset(rows.defer("image__packages", "image__probe"))
        return self.get_paginated_response(serializers.RevisionSerializer(page, many=True).data)

    @extend_schema(responses=serializers.ReplicaSerializer(many=True))
    def replicas(self, request, group=None, name=None):
        rows = Replica.objects.filter(revision__service=self.get_object(), revision__state="Serving")
        return Response(serializers.ReplicaSerializer(rows, many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("lines", OpenApiTypes.INT, description="At most 5000; 200 if left out")], responses=LOG_LINES
    )
    def logs(self, request, group=None, name=None, replica=None):
        """The last lines a replica printed."""
        service = self.get_object()
        if not Replica.objects.filter(revision__service=service, name=replica).exists():
            raise NotFound(_("%(service)s has no replica %(replica)s.") % {"service": service, "replica": replica})
        return Response({"lines": logs.replica_log(service, replica, number_of(request, "lines", usual=200, most=5000))})

    @extend_schema(parameters=LOG_QUERY, responses=MERGED_LINES)
    def merged_logs(self, request, group=None, name=None):
        """What the replicas printed, merged by time, oldest first; lines of revisions that are gone stay for a while."""
        service, wanted = self.get_object(), replica_logs.Wanted.asked(request.query_params)
        lines = replica_logs.read(service, wanted, most=number_of(request, "lines", usual=200, most=5000))
        return Response({"replicas": replica_logs.replicas(service), "lines": MergedLineSerializer(lines, many=True).data})

    @extend_schema(parameters=WINDOW, responses={200: OpenApiTypes.OBJECT})
    def metrics(self, request, group=None, name=None):
        """Calls, latencies, errors and replicas over time, in columns."""
        return Response(self._measured(request))

    @extend_schema(parameters=WINDOW, responses={(200, "text/csv"): OpenApiTypes.STR})
    def metrics_csv(self, request, group=None, name=None):
        """The same as a table: a row a step."""
        return HttpResponse(
            tables.as_csv(self._measured(request)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{self.kwargs["name"]}-metrics.csv"'},
        )

    def _measured(self, request) -> dict:
        asked = request.query_params
        revision = number_of(request, "revision", usual=1, most=2**31) if asked.get("revision") else None
        narrowed = {"key": asked.get("key", ""), "replica": asked.get("replica", ""), "compare": bool(asked.get("compare"))}
        return series.metrics(self.get_object(), Window.asked(asked), revision=revision, **narrowed)

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def openapi(self, request, group=None, name=None):
        """The service's own OpenAPI 3.1 document."""
        return JsonResponse(swagger.openapi(self.get_object()))

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def swagger(self, request, group=None, name=None):
        """The service's own Swagger 2.0 document."""
        return JsonResponse(swagger.swagger_2(self.get_object()))
