"""REST for whoever writes manifests: checks while one writes, and one's own drafts."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from portal.accounts.permissions import Permission, require
from portal.api.views import GroupMixin
from registry.actions import drafts
from registry.actions.uploads import find_upload_set
from registry.api.views import versions_said
from registry.checking import check_recipe
from registry.models import ManifestDraft, ModelFile, ModelVersion, UploadSet
from registry.schemas import schema_from_sample


def _text(**options):
    return serializers.CharField(required=False, default="", allow_blank=True, trim_whitespace=False, **options)


class CheckRecipeSerializer(serializers.Serializer):
    driver = _text(help_text="The text of score.py")
    schema = _text()
    sample = _text(help_text="A request, rows or CSV")
    dependencies = _text(help_text="The text of a requirements.txt or conda file")
    runtime = serializers.CharField(required=False, default="python")
    models = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    uploadSet = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="The extra files")


class ProblemSerializer(serializers.Serializer):
    field = serializers.CharField(help_text="driver, schema, sample, dependencies or files")
    line = serializers.IntegerField(allow_null=True)
    level = serializers.ChoiceField(choices=["error", "warning"])
    message = serializers.CharField()


class LaidOutSerializer(serializers.Serializer):
    path = serializers.CharField(help_text="Beside score.py")
    size = serializers.IntegerField()
    source = serializers.CharField(help_text="Who brings it")


class CheckedSerializer(serializers.Serializer):
    problems = ProblemSerializer(many=True)
    files = LaidOutSerializer(many=True, help_text="At most 200 of the files as they will lie in the image")
    schema = serializers.CharField(allow_null=True, help_text="The schema file that the sample makes, when it does")


class CheckRecipeView(GroupMixin, APIView):
    @extend_schema(
        operation_id="manifests_check",
        summary="Look at a recipe that is being written; nothing is kept or run",
        request=CheckRecipeSerializer,
        responses=CheckedSerializer,
    )
    def post(self, request, group=None):
        require(request.user, Permission.MANIFEST_WRITE, self.group)
        shape = CheckRecipeSerializer(data=request.data)
        shape.is_valid(raise_exception=True)
        asked = shape.validated_data
        files = self._files(asked.pop("models"), asked.pop("uploadSet"))
        problems = check_recipe(**asked, paths=[(file["path"], file["source"]) for file in files])
        own = [
            ("score.py", asked["driver"]),
            ("service_schema.json", asked["schema"] or asked["sample"]),
            ("requirements.txt", asked["dependencies"]),
        ]
        texts = [{"path": path, "size": len(text.encode(errors="replace")), "source": ""} for path, text in own if text.strip()]
        made = None
        if asked["sample"].strip() and not any(problem.field == "sample" for problem in problems):
            made = schema_from_sample(asked["sample"]).decode()
        return Response({"problems": [problem.as_dict() for problem in problems], "files": [*texts, *files][:200], "schema": made})

    def _files(self, said: list[str], upload_set) -> list[dict]:
        visible = (
            ModelVersion.objects.allowing(self.request.user, Permission.MODEL_READ).filter(group=self.group).select_related("model__group")
        )
        versions = versions_said(visible, said[:100])
        rows = ModelFile.objects.filter(version__in=versions).select_related("version__model", "asset").order_by("version_id", "path")
        found = [{"path": file.app_path, "size": file.asset.size, "source": f"model {file.version}"} for file in rows[:5000]]
        if upload_set:
            extra: UploadSet = find_upload_set(user=self.request.user, group=self.group, said=str(upload_set))
            found += [
                {"path": file.path, "size": file.asset.size, "source": "an extra file"} for file in extra.files.select_related("asset")
            ]
        return found


class DraftSerializer(serializers.ModelSerializer):
    content = serializers.SerializerMethodField()
    updatedAt = serializers.DateTimeField(source="updated_at")
    expiresAt = serializers.DateTimeField(source="expires_at")

    class Meta:
        model = ManifestDraft
        fields = ["id", "name", "content", "updatedAt", "expiresAt"]

    def get_content(self, draft) -> dict:
        return drafts.content_of(draft)


class SaveDraftSerializer(serializers.Serializer):
    content = serializers.DictField(help_text="The fields of the form")


class DraftViewSet(GroupMixin, GenericViewSet):
    """One's own manifests that are being written. Nobody else sees them; they are kept for 30 days."""

    queryset = ManifestDraft.objects.all()
    serializer_class = DraftSerializer
    pagination_class = None
    filter_backends: list = []
    lookup_url_kwarg = "id"

    def get_object(self) -> ManifestDraft:
        return drafts.find_draft(user=self.request.user, group=self.group, said=self.kwargs["id"])

    def _asked(self) -> dict:
        shape = SaveDraftSerializer(data=self.request.data)
        shape.is_valid(raise_exception=True)
        return shape.validated_data["content"]

    @extend_schema(summary="One's drafts, newest first", responses=DraftSerializer(many=True))
    def list(self, request, group=None):
        return Response(self.get_serializer(drafts.drafts_of(user=request.user, group=self.group), many=True).data)

    @extend_schema(summary="Begin a draft", request=SaveDraftSerializer, responses={201: DraftSerializer})
    def create(self, request, group=None):
        draft = drafts.save_draft(user=request.user, group=self.group, content=self._asked())
        return Response(self.get_serializer(draft).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="A draft")
    def retrieve(self, request, group=None, id=None):
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Keep what stands in the form", request=SaveDraftSerializer, responses=DraftSerializer)
    def update(self, request, group=None, id=None):
        draft = drafts.save_draft(user=request.user, group=self.group, content=self._asked(), draft=self.get_object())
        return Response(self.get_serializer(draft).data)

    @extend_schema(summary="Let a draft go", responses={204: None})
    def destroy(self, request, group=None, id=None):
        drafts.delete_draft(user=request.user, draft=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
