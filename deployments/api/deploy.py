"""One REST call that takes files and does everything; `imageOnly` stops after the image."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as drf
from rest_framework.views import APIView

from deployments.actions.deploy import deploy
from deployments.api.serializers import OperationSerializer, ServiceFieldsSerializer
from deployments.api.views import accepted, environment_of
from portal.accounts.permissions import Permission, require
from portal.api.views import GroupMixin
from registry.actions.uploads import find_upload_set
from registry.api.receiving import FilesMixin, text_of
from registry.api.serializers import CreateManifestFormSerializer, CreateManifestSerializer
from registry.api.views import versions_said
from registry.models import ModelVersion
from registry.uploads import receive_form_files


class _DeployFields(ServiceFieldsSerializer):
    environment = drf.CharField(required=False, help_text="Name of an environment; the group's default if left out")
    modelName = drf.CharField(
        required=False, default="", allow_blank=True, help_text="Name to register the model files under; the service's if left out"
    )
    imageOnly = drf.BooleanField(required=False, default=False, help_text="Stop after the image")


class DeploySerializer(CreateManifestSerializer, _DeployFields):
    """`models` are registered versions; `modelUploadSet` registers another one."""

    modelUploadSet = drf.UUIDField(required=False, allow_null=True, default=None)


class DeployFormSerializer(CreateManifestFormSerializer, _DeployFields):
    """All files in the request."""

    modelFiles = drf.ListField(child=drf.FileField(allow_empty_file=True), required=False, default=list)
    modelPaths = drf.ListField(
        child=drf.CharField(), required=False, default=list, help_text="One relative path a model file, in the same order"
    )


class DeployedSerializer(OperationSerializer):
    """The build's operation; `next` of it is the rollout. The keys are in this answer and nowhere else."""

    models = drf.ListField(child=drf.CharField())
    manifest = drf.CharField()
    keys = drf.DictField(child=drf.CharField(), help_text="Empty when the service was there already, or only an image was asked for")

    class Meta(OperationSerializer.Meta):
        fields = [*OperationSerializer.Meta.fields, "models", "manifest", "keys"]


SHAPES = {"application/json": DeploySerializer, "multipart/form-data": DeployFormSerializer}
SERVICE_FIELDS = (
    "replicas",
    "cpu",
    "memory",
    "gpus",
    "workers",
    "access",
    "allowed_origins",
    "timeout",
    "collect_data",
    "collect_rules",
    "collect_days",
    "batching",
)


class DeployView(GroupMixin, FilesMixin, APIView):
    """The original's `service create realtime --model-file … -f … -n … -s … -r … -c …`."""

    @extend_schema(summary="Register, write a manifest, build and deploy in one step", request=SHAPES, responses={202: DeployedSerializer})
    def post(self, request, group=None):
        require(request.user, Permission.MODEL_WRITE, self.group)
        is_form = (request.content_type or "").startswith("multipart/")
        shape = SHAPES["multipart/form-data" if is_form else "application/json"](data=request.data)
        shape.is_valid(raise_exception=True)
        asked = shape.validated_data
        dependencies = text_of(asked["dependencies"], "dependencies")
        if dependencies is not None:
            given = asked["dependencies"]
            dependencies = (*dependencies, given.get("kind") if isinstance(given, dict) else asked.get("dependenciesKind"))
        visible = (
            ModelVersion.objects.allowing(request.user, Permission.MODEL_READ)
            .filter(model__group=self.group)
            .select_related("model__group")
        )
        made = deploy(
            user=request.user,
            group=self.group,
            name=asked["name"],
            environment=environment_of(self, asked.get("environment")),
            models=versions_said(visible, asked["models"]),
            model_name=asked["modelName"],
            model_files=receive_form_files(asked.get("modelFiles", ()), field="modelFiles", paths=asked.get("modelPaths", ())),
            model_upload_set=self._upload_set(asked.get("modelUploadSet")),
            files=receive_form_files(asked.get("files", ()), paths=asked.get("paths", ())),
            upload_set=self._upload_set(asked.get("uploadSet")),
            driver=text_of(asked["driver"], "driver"),
            schema=text_of(asked["schema"], "schema"),
            dependencies=dependencies,
            runtime=asked["runtime"],
            python=asked["python"] or None,
            description=asked["description"],
            image_only=asked["imageOnly"],
            service_fields={field: asked[field] for field in SERVICE_FIELDS if field in asked},
        )
        return accepted(
            made.operation, {"models": [str(version) for version in made.versions], "manifest": str(made.manifest), "keys": made.keys}
        )

    def _upload_set(self, said):
        return find_upload_set(user=self.request.user, group=self.group, said=str(said)) if said else None
