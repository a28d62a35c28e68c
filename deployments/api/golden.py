"""REST of golden requests, of the rule for changed answers, and of the decision about them."""

from __future__ import annotations

import json

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.response import Response

from deployments.actions import golden
from deployments.api.serializers import OperationSerializer
from deployments.api.views import OperationViewSet, accepted, find_named, validated
from deployments.models import GoldenCheck, GoldenRequest, GoldenRun, Service
from portal.accounts.permissions import Permission
from portal.api.views import ScopedViewSet
from portal.errors import NotFound

ANY = {"description": "Any JSON value"}


@extend_schema_field(ANY)
class JsonTextField(serializers.Field):
    """A JSON value on the wire, JSON text in the database."""

    def to_representation(self, value: str):
        return json.loads(value)

    def to_internal_value(self, data) -> str:
        return json.dumps(data, ensure_ascii=False)


class GoldenRequestSerializer(serializers.ModelSerializer):
    body = JsonTextField(help_text="What is sent to /score")
    expected = JsonTextField(help_text="What must come back")
    tolerances = serializers.JSONField(
        required=False,
        default=dict,
        help_text='Place in the answer -> number, share or "ignore": {"/*/price": 0.01, "/*/share": "5%", "/id": "ignore"}',
    )
    createdBy = serializers.CharField(source="created_by.username", read_only=True, allow_null=True, default=None)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    class Meta:
        model = GoldenRequest
        fields = ["id", "name", "body", "expected", "tolerances", "createdBy", "updatedAt"]
        read_only_fields = ["id"]


class GoldenResultSerializer(serializers.Serializer):
    name = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["same", "changed", "failed"])
    said = serializers.CharField(help_text="Why it failed")
    status = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField()
    differences = serializers.ListField(child=serializers.DictField(child=serializers.CharField()), help_text="{pointer, expected, got}")


class GoldenRunSerializer(serializers.ModelSerializer):
    revision = serializers.IntegerField(source="revision.number")
    results = serializers.SerializerMethodField()
    decidedBy = serializers.CharField(source="decided_by.username", allow_null=True, default=None)
    createdAt = serializers.DateTimeField(source="created_at")

    class Meta:
        model = GoldenRun
        fields = ["revision", "state", "results", "decidedBy", "createdAt"]

    @extend_schema_field(GoldenResultSerializer(many=True))
    def get_results(self, run):
        return GoldenResultSerializer(run.results, many=True).data


class GoldenCheckSerializer(serializers.ModelSerializer):
    revision = serializers.IntegerField(source="revision.number")
    results = serializers.SerializerMethodField()
    createdAt = serializers.DateTimeField(source="created_at")

    class Meta:
        model = GoldenCheck
        fields = ["operation", "revision", "results", "createdAt"]

    @extend_schema_field(GoldenResultSerializer(many=True))
    def get_results(self, check):
        return GoldenResultSerializer(check.results, many=True).data


class PolicySerializer(serializers.Serializer):
    policy = serializers.ChoiceField(choices=Service.GoldenPolicy.choices)


class ApproveSerializer(serializers.Serializer):
    save = serializers.BooleanField(required=False, default=False, help_text="Keep the new answers as the expected ones")


class GoldenRequestViewSet(ScopedViewSet):
    """Saved requests with the answers they should get; every new revision is asked before it takes traffic."""

    permission, noun = Permission.SERVICE_READ, "golden request"
    queryset = GoldenRequest.objects.select_related("created_by", "service__group")
    serializer_class = GoldenRequestSerializer
    pagination_class = None

    def _service(self) -> Service:
        visible = Service.objects.allowing(self.request.user, Permission.SERVICE_READ).filter(group=self.group).select_related("group")
        return find_named(visible, self.kwargs["name"], "service")

    def _golden(self) -> GoldenRequest:
        found = self.get_queryset().filter(service=self._service(), name=self.kwargs["golden"]).first()
        if found is None:
            raise NotFound(_("There is no golden request %(golden)s.") % {"golden": self.kwargs["golden"]})
        return found

    @extend_schema(responses=GoldenRequestSerializer(many=True))
    def list(self, request, group=None, name=None):
        return Response(self.get_serializer(self.get_queryset().filter(service=self._service()), many=True).data)

    @extend_schema(responses={201: GoldenRequestSerializer})
    def create(self, request, group=None, name=None):
        """One of the same name is replaced."""
        asked = validated(GoldenRequestSerializer, request)
        found = golden.save_golden_request(user=request.user, service=self._service(), **asked)
        return Response(self.get_serializer(found).data, status=status.HTTP_201_CREATED)

    def retrieve(self, request, group=None, name=None, golden=None):
        return Response(self.get_serializer(self._golden()).data)

    @extend_schema(responses={204: None})
    def destroy(self, request, group=None, name=None, **kwargs):
        golden.delete_golden_request(user=request.user, golden=self._golden())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="golden_policy", methods=["GET"], responses=PolicySerializer)
    @extend_schema(operation_id="golden_policy_set", methods=["PUT"], request=PolicySerializer, responses=PolicySerializer)
    def policy(self, request, group=None, name=None):
        """What happens when a new revision answers otherwise: ask, stop or warn."""
        service = self._service()
        if request.method == "PUT":
            asked = validated(PolicySerializer, request)
            service = golden.set_golden_policy(user=request.user, service=service, policy=asked["policy"])
        return Response({"policy": service.golden_policy})

    @extend_schema(operation_id="golden_runs", responses=GoldenRunSerializer(many=True))
    def runs(self, request, group=None, name=None):
        """What the newest revisions answered, newest first."""
        rows = GoldenRun.objects.filter(revision__service=self._service()).select_related("revision", "decided_by").order_by("-created_at")
        return Response(GoldenRunSerializer(rows[:20], many=True).data)

    @extend_schema(operation_id="golden_checks", methods=["GET"], responses=GoldenCheckSerializer(many=True))
    @extend_schema(operation_id="golden_check", methods=["POST"], request=None, responses={202: OperationSerializer})
    def checks(self, request, group=None, name=None):
        """POST asks what serves now all saved requests; GET tells what it answered, newest first. It decides nothing."""
        service = self._service()
        if request.method == "POST":
            return accepted(golden.ask_now(user=request.user, service=service))
        rows = GoldenCheck.objects.filter(revision__service=service).select_related("revision").order_by("-created_at")
        return Response(GoldenCheckSerializer(rows, many=True).data)


class DecisionViewSet(OperationViewSet):
    """An operation that waits for a person."""

    @extend_schema(responses=GoldenRunSerializer)
    def answers(self, request, group=None, id=None):
        """What its revision answered to the golden requests."""
        operation = self.get_object()
        run = GoldenRun.objects.filter(revision=operation.revision_id).select_related("revision", "decided_by").first()
        if operation.revision_id is None or run is None:
            raise NotFound(_("This operation has asked no golden requests."))
        return Response(GoldenRunSerializer(run).data)

    @extend_schema(request=ApproveSerializer, responses={202: OperationSerializer})
    def approve(self, request, group=None, id=None):
        """The changed answers are right; the rollout goes on."""
        asked = validated(ApproveSerializer, request)
        return accepted(golden.approve_answers(user=request.user, operation=self.get_object(), save=asked["save"]))

    @extend_schema(request=None, responses={200: OperationSerializer})
    def reject(self, request, group=None, id=None):
        """The changed answers are wrong; the new revision goes, what served goes on serving."""
        golden.reject_answers(user=request.user, operation=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)
