"""Shapes of environments, services, revisions and operations. camelCase on the wire, as the original's API."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deployments import engines
from deployments.api.fields import CpuField, GpusField, MemoryField, OperationErrorField
from deployments.capacity import rooms
from deployments.models import Environment, Operation, OperationStep, Replica, Revision, Service, ServiceKey
from deployments.proposals import proposal_for
from deployments.standing import telling
from deployments.states import service_state
from scoring.scrub import ACTIONS


class CheckSerializer(serializers.Serializer):
    name = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField()
    cure = serializers.CharField(allow_blank=True)
    needed = serializers.BooleanField(default=True, help_text="Nothing runs without it; the others are limits to know of.")


class CapacitySerializer(serializers.Serializer):
    """Of the machine; `asked...` is what live services of all groups may use of it at most."""

    cores = serializers.FloatField()
    memory = serializers.IntegerField(help_text="Bytes.")
    services = serializers.IntegerField()
    askedCores = serializers.FloatField(source="asked_cores")
    askedMemory = serializers.IntegerField(source="asked_memory")


class EnvironmentSerializer(serializers.ModelSerializer):
    maxReplicas = serializers.IntegerField(source="max_replicas", required=False, min_value=1, max_value=1000)
    maxCpu = CpuField(source="max_cpu", required=False)
    maxMemory = MemoryField(source="max_memory", required=False)
    isDefault = serializers.BooleanField(source="is_default", required=False)
    targetTitle = serializers.SerializerMethodField()
    reachable = serializers.BooleanField(read_only=True, allow_null=True)
    checks = CheckSerializer(many=True, read_only=True)
    checkedAt = serializers.DateTimeField(source="checked_at", read_only=True, allow_null=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    capacity = serializers.SerializerMethodField()

    class Meta:
        model = Environment
        fields = [
            "id", "name", "description", "target", "targetTitle", "maxReplicas", "maxCpu", "maxMemory", "isDefault",
            "note", "reachable", "checks", "checkedAt", "capacity", "createdAt",
        ]  # fmt: skip
        read_only_fields = ["id", "note"]
        extra_kwargs = {"name": {"validators": []}}
        validators = []

    def get_targetTitle(self, environment) -> str:
        return engines.title(environment.target)

    @extend_schema_field(CapacitySerializer(allow_null=True))
    def get_capacity(self, environment) -> dict | None:
        # Of a list, all are asked for with the first.
        if "rooms" not in self.context:
            listed = getattr(self.parent, "instance", None)
            self.context["rooms"] = rooms(list(listed) if listed is not None else [environment])
        found = self.context["rooms"].get(str(environment.pk))
        return CapacitySerializer(found).data if found else None


class EnvironmentChangeSerializer(serializers.Serializer):
    description = serializers.CharField(required=False, allow_blank=True, max_length=500)
    maxReplicas = serializers.IntegerField(source="max_replicas", required=False, min_value=1, max_value=1000)
    maxCpu = CpuField(source="max_cpu", required=False)
    maxMemory = MemoryField(source="max_memory", required=False)
    isDefault = serializers.BooleanField(source="is_default", required=False)


class StepSerializer(serializers.ModelSerializer):
    startedAt = serializers.DateTimeField(source="started_at")
    endedAt = serializers.DateTimeField(source="ended_at", allow_null=True)
    seconds = serializers.FloatField()

    class Meta:
        model = OperationStep
        fields = ["order", "name", "title", "state", "attempt", "note", "startedAt", "endedAt", "seconds"]


class ProposalSerializer(serializers.Serializer):
    """A change that is proposed for a failed build; `POST .../apply-proposal/` makes it and builds again."""

    why = serializers.CharField()
    file = serializers.CharField(help_text="The dependency file that changes; empty when none does")
    python = serializers.CharField(allow_null=True, help_text="The Python version to build with; null when it stays")
    diff = serializers.SerializerMethodField()

    def get_diff(self, proposal) -> list[str]:
        return [f"{sign}{line}" for sign, line in proposal.diff()]


class OperationSerializer(serializers.ModelSerializer):
    """`next` is the operation that follows this one (the rollout after a one-step build)."""

    operationType = serializers.CharField(source="kind")
    image = serializers.SerializerMethodField()
    service = serializers.SerializerMethodField()
    environment = serializers.CharField(source="environment.name", allow_null=True, default=None)
    resourceLocation = serializers.SerializerMethodField()
    next = serializers.SerializerMethodField()
    error = OperationErrorField(read_only=True)
    proposal = serializers.SerializerMethodField()
    steps = StepSerializer(many=True)
    createdBy = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    createdAt = serializers.DateTimeField(source="created_at")
    startedAt = serializers.DateTimeField(source="started_at", allow_null=True)
    endedAt = serializers.DateTimeField(source="ended_at", allow_null=True)

    class Meta:
        model = Operation
        fields = [
            "id", "operationType", "state", "label", "image", "service", "environment", "resourceLocation", "next", "error", "proposal",
            "attempts", "steps", "createdBy", "createdAt", "startedAt", "endedAt",
        ]  # fmt: skip

    def get_image(self, operation) -> str | None:
        return str(operation.image) if operation.image else None

    def get_service(self, operation) -> str | None:
        return operation.service.name if operation.service else None

    @extend_schema_field(ProposalSerializer(allow_null=True))
    def get_proposal(self, operation) -> dict | None:
        proposal = proposal_for(operation)
        return ProposalSerializer(proposal).data if proposal else None

    def get_next(self, operation) -> str | None:
        follower = getattr(operation, "followed_by", None)
        return str(follower.pk) if follower else None

    def get_resourceLocation(self, operation) -> str | None:
        group = operation.group.name
        if operation.service:
            path = reverse("deployments_api:service", args=[group, operation.service.name])
        elif operation.image:
            path = reverse("deployments_api:image", args=[group, str(operation.image)])
        else:
            return None
        return f"{settings.PORTAL_URL}{path}"


class CreateImageSerializer(serializers.Serializer):
    manifest = serializers.CharField(help_text="Id of a manifest: iris:3, or its uuid")
    environment = serializers.CharField(required=False, help_text="Name of an environment; the group's default if left out")
    name = serializers.CharField(required=False, default="", allow_blank=True, help_text="The manifest's name if left out")
    description = serializers.CharField(required=False, default="", allow_blank=True)


class CollectRuleSerializer(serializers.Serializer):
    """What is done with a field of collected rows before they leave the replica."""

    field = serializers.CharField(max_length=200, help_text="Compared without regard to case, in nested objects too")
    action = serializers.ChoiceField(choices=ACTIONS)


class ServiceFieldsSerializer(serializers.Serializer):
    """What can be chosen at creation and changed later."""

    replicas = serializers.IntegerField(required=False, min_value=1, max_value=1000)
    cpu = CpuField(required=False)
    memory = MemoryField(required=False)
    gpus = GpusField(required=False)
    workers = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=64,
        help_text="Processes of a replica that call run(); 0 is one for each whole core where they can share the loaded model, else one",
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    contact = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="Whom callers ask")
    openPage = serializers.BooleanField(
        source="open_page", required=False, help_text="Whether anyone with the address may read how it is called, without an account"
    )
    access = serializers.ChoiceField(choices=Service.Access.choices, required=False)
    allowedOrigins = serializers.ListField(
        source="allowed_origins", child=serializers.CharField(max_length=300), required=False, max_length=50
    )
    timeout = serializers.IntegerField(required=False, min_value=1, max_value=3600, help_text="Seconds a call may take")
    collectModelData = serializers.BooleanField(source="collect_data", required=False)
    collectRules = CollectRuleSerializer(source="collect_rules", many=True, required=False, help_text="Replaces all rules")
    collectDays = serializers.IntegerField(
        source="collect_days", required=False, min_value=1, max_value=3650, help_text="Days that collected rows are kept"
    )
    batching = serializers.BooleanField(
        required=False, help_text="Whether waiting requests may go into one call of run(), where the probe has shown that it is right"
    )


class CreateServiceSerializer(ServiceFieldsSerializer):
    name = serializers.CharField()
    image = serializers.CharField(help_text="Id of an image: iris:3, or its uuid")
    environment = serializers.CharField(required=False, help_text="Name of an environment; the group's default if left out")


class UpdateServiceSerializer(ServiceFieldsSerializer):
    image = serializers.CharField(required=False, help_text="Id of another image")
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class ReplicaSerializer(serializers.ModelSerializer):
    startedAt = serializers.DateTimeField(source="started_at", allow_null=True)
    readyAt = serializers.DateTimeField(source="ready_at", allow_null=True)
    observedAt = serializers.DateTimeField(source="observed_at")

    class Meta:
        model = Replica
        fields = ["name", "state", "detail", "restarts", "cpu", "memory", "startedAt", "readyAt", "observedAt"]


class RevisionSerializer(serializers.ModelSerializer):
    image = serializers.CharField(source="image.__str__")
    memory = MemoryField()
    gpus = GpusField()
    createdBy = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    createdAt = serializers.DateTimeField(source="created_at")
    servingAt = serializers.DateTimeField(source="serving_at", allow_null=True)
    expiredAt = serializers.DateTimeField(source="ended_at", allow_null=True)

    class Meta:
        model = Revision
        fields = [
            "id",
            "number",
            "image",
            "cpu",
            "memory",
            "gpus",
            "workers",
            "timeout",
            "state",
            "note",
            "reason",
            "createdBy",
            "createdAt",
            "servingAt",
            "expiredAt",
        ]


class RegenerateKeySerializer(serializers.Serializer):
    graceHours = serializers.IntegerField(
        source="grace_hours", required=False, min_value=0, max_value=168, help_text="How long the old value goes on; 0 if left out"
    )


class KeySerializer(serializers.ModelSerializer):
    keyId = serializers.CharField(source="key_id")
    lastFour = serializers.CharField(source="last_four")
    createdAt = serializers.DateTimeField(source="created_at")
    createdBy = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    lastUsedAt = serializers.DateTimeField(source="last_used_at", allow_null=True)
    oldUntil = serializers.SerializerMethodField(help_text="Until when the value before this one works too")

    class Meta:
        model = ServiceKey
        fields = ["slot", "keyId", "lastFour", "createdAt", "createdBy", "lastUsedAt", "oldUntil"]

    def get_oldUntil(self, key) -> datetime | None:
        return ServiceKey.objects.live().filter(service=key.service_id, slot=f"{key.slot}-old").values_list("expires_at", flat=True).first()


class ServiceSerializer(serializers.ModelSerializer):
    state = serializers.SerializerMethodField()
    stateDetail = serializers.SerializerMethodField()
    readyReplicas = serializers.SerializerMethodField()
    environment = serializers.CharField(source="environment.name")
    image = serializers.SerializerMethodField()
    revision = serializers.SerializerMethodField()
    memory = MemoryField()
    gpus = GpusField()
    allowedOrigins = serializers.ListField(source="allowed_origins", child=serializers.CharField())
    collectModelData = serializers.BooleanField(source="collect_data")
    collectRules = CollectRuleSerializer(source="collect_rules", many=True)
    collectDays = serializers.IntegerField(source="collect_days")
    follows = serializers.CharField(source="following.alias.__str__", allow_null=True, default=None, help_text="iris@champion, if any")
    scoringUri = serializers.CharField(source="scoring_url")
    openPage = serializers.BooleanField(source="open_page")
    openPageUri = serializers.CharField(source="open_page_url", allow_null=True, help_text="Null while it is switched off")
    swaggerUri = serializers.SerializerMethodField()
    createdAt = serializers.DateTimeField(source="created_at")
    updatedAt = serializers.DateTimeField(source="updated_at")

    class Meta:
        model = Service
        fields = [
            "id", "name", "description", "contact", "state", "stateDetail", "environment", "image", "revision", "replicas", "readyReplicas", "cpu", "memory", "gpus", "workers",
            "access", "allowedOrigins", "timeout", "collectModelData", "collectRules", "collectDays", "batching", "follows", "scoringUri", "swaggerUri", "openPage", "openPageUri", "createdAt", "updatedAt",
        ]  # fmt: skip

    def _state(self, service):
        if not hasattr(service, "_shown_state"):
            service._shown_state = service_state(service)
        return service._shown_state

    def get_state(self, service) -> str:
        return self._state(service).word

    def get_stateDetail(self, service) -> str:
        return self._state(service).detail

    def get_readyReplicas(self, service) -> int:
        return self._state(service).ready

    def _serving(self, service):
        return next((revision for revision in telling(service) if revision.state == Revision.State.SERVING), None)

    def get_image(self, service) -> str | None:
        serving = self._serving(service)
        return str(serving.image) if serving else None

    def get_revision(self, service) -> int | None:
        serving = self._serving(service)
        return serving.number if serving else None

    def get_swaggerUri(self, service) -> str:
        return f"{service.url}/swagger.json"


class CreatedServiceSerializer(serializers.Serializer):
    """The keys are in this answer and nowhere else."""

    operation = OperationSerializer()
    keys = serializers.DictField(child=serializers.CharField())
