"""Models, manifests and images over REST: validate, call, answer."""

from __future__ import annotations

from django.db.models import Count, Max, OuterRef, Subquery
from django.http import JsonResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from portal.accounts.permissions import Permission, require
from portal.api.editing import TaggedMixin
from portal.api.views import ScopedViewSet
from portal.errors import NotFound
from portal.names import find
from registry.actions.aliases import find_alias, move_alias, remove_alias
from registry.actions.images import delete_image
from registry.actions.manifests import create_manifest, delete_manifest
from registry.actions.models import change_model_version, delete_model_version, register_model
from registry.actions.uploads import find_upload_set
from registry.api import serializers as shapes
from registry.api.receiving import FilesMixin, text_of
from registry.bill import MEDIA_TYPE, bill_of_materials
from registry.comparing import compare
from registry.downloads import send_asset, send_model_version
from registry.filters import ImageFilter, ManifestFilter, ModelFilter
from registry.models import Alias, Image, Manifest, ModelVersion, RegisteredModel
from registry.uploads import receive_form_files

BYTES = OpenApiResponse(OpenApiTypes.BINARY, "The bytes, as an attachment")


def versions_said(queryset, said: list[str]) -> list[ModelVersion]:
    """The model versions people named; one that is not visible is a 404 about `models`."""
    found = []
    for each in said:
        try:
            found.append(find(queryset, each, noun="model", name_path="model__name"))
        except NotFound as error:
            raise NotFound(error.message, details=[{"code": "NotFound", "message": error.message, "field": "models"}]) from None
    return found


class NamedViewSet(ScopedViewSet, mixins.ListModelMixin):
    """A list newest first, and one thing by `name:number` or uuid."""

    lookup_url_kwarg = "id"
    name_path = "name"
    detail_class = None

    def get_object(self):
        return find(self.get_queryset(), self.kwargs["id"], noun=self.noun, name_path=self.name_path)

    def retrieve(self, request, group=None, id=None):
        return Response(self.detail_class(self.get_object()).data)

    def form(self, by_content_type: dict):
        """The validated request, by the serializer of its content type."""
        kind = "multipart/form-data" if (self.request.content_type or "").startswith("multipart/") else "application/json"
        asked = by_content_type[kind](data=self.request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data


REGISTER = {"application/json": shapes.RegisterModelSerializer, "multipart/form-data": shapes.RegisterModelFormSerializer}
CREATE_MANIFEST = {"application/json": shapes.CreateManifestSerializer, "multipart/form-data": shapes.CreateManifestFormSerializer}
PATH = OpenApiParameter("path", str, OpenApiParameter.PATH, description="The file's path")


@extend_schema_view(
    list=extend_schema(summary="Model versions, newest first"),
    retrieve=extend_schema(summary="One model version with its files and users", responses=shapes.ModelDetailSerializer),
)
class ModelViewSet(TaggedMixin, FilesMixin, NamedViewSet):
    """Model versions."""

    change_class = shapes.ChangeModelSerializer

    permission, noun, name_path = Permission.MODEL_READ, "model", "model__name"
    queryset = (
        ModelVersion.objects.select_related("model__group", "created_by").prefetch_related("tags", "aliases").order_by("-created_at", "pk")
    )
    serializer_class, detail_class = shapes.ModelSerializer, shapes.ModelDetailSerializer
    filterset_class = ModelFilter

    @extend_schema(summary="Register the next version of a model", request=REGISTER, responses={201: shapes.ModelDetailSerializer})
    def create(self, request, group=None):
        require(request.user, Permission.MODEL_WRITE, self.group)
        asked = self.form(REGISTER)
        if "uploadSet" in asked:
            source = {"upload_set": find_upload_set(user=request.user, group=self.group, said=asked["uploadSet"])}
        else:
            source = {"files": receive_form_files(asked["files"], paths=asked["paths"])}
        words = {key: asked[key] for key in ("name", "description", "tags", "framework", "card", "alias")}
        version = register_model(user=request.user, group=self.group, **source, **words)
        return self.tagged(version, self.shown(version), status=status.HTTP_201_CREATED)

    def retrieve(self, request, group=None, id=None):
        version = self.get_object()
        return self.tagged(version, self.shown(version))

    def shown(self, row: ModelVersion) -> dict:
        return self.detail_class(row).data

    @extend_schema(summary="Change description, tags or card", request=shapes.ChangeModelSerializer, responses=shapes.ModelDetailSerializer)
    def partial_update(self, request, group=None, id=None):
        asked = shapes.ChangeModelSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with self.unless_changed() as version:
            changed = change_model_version(user=request.user, version=version, **asked.validated_data)
        return self.tagged(changed, self.shown(changed))

    @extend_schema(summary="Delete a model version that nothing uses")
    def destroy(self, request, group=None, id=None):
        with self.unless_changed() as version:
            delete_model_version(user=request.user, version=version)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="One file of a model version", parameters=[PATH], responses={(200, "application/octet-stream"): BYTES})
    def file(self, request, group=None, id=None, path=""):
        version = self.get_object()
        found = version.files.select_related("asset").filter(path=path).first()
        if found is None:
            raise NotFound(_("%(version)s has no file %(path)s.") % {"version": version, "path": path})
        return send_asset(request, found.asset, found.path)

    @extend_schema(
        summary="A whole model version: its file, or its folder as a zip",
        responses={(200, "application/octet-stream"): BYTES, (200, "application/zip"): BYTES},
    )
    def download(self, request, group=None, id=None):
        return send_model_version(request, self.get_object())

    @extend_schema(
        summary="Compare two versions: facts, schema, files by digest, card",
        parameters=[OpenApiParameter("with", str, required=True, description="The version before: iris:2, iris@champion or a uuid")],
        responses=shapes.ComparisonSerializer,
    )
    def compare(self, request, group=None, id=None):
        after = self.get_object()
        before = find(self.get_queryset(), request.query_params.get("with", ""), noun="model", name_path="model__name")
        return Response(shapes.ComparisonSerializer(compare(before, after)).data)


class AliasViewSet(ScopedViewSet):
    """Words that point at a version of a model and can be moved."""

    permission, noun = Permission.MODEL_READ, "alias"
    queryset = Alias.objects.select_related("model__group", "version__model", "moved_by").prefetch_related("followings__service")
    serializer_class = shapes.AliasSerializer
    pagination_class = None
    filter_backends: list = []

    @extend_schema(summary="The aliases of a model")
    def list(self, request, group=None, name=None):
        found = self.get_queryset().filter(model__name=name)
        if not found and not RegisteredModel.objects.allowing(request.user, self.permission).filter(group=self.group, name=name).exists():
            raise NotFound(_("There is no model %(name)s, or you may not see it.") % {"name": name})
        return Response(self.get_serializer(found, many=True).data)

    @extend_schema(summary="Point an alias at a version; it is made, or moved, and services that follow it are updated")
    def update(self, request, group=None, name=None, alias=None):
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        visible = ModelVersion.objects.allowing(request.user, self.permission).filter(group=self.group, model__name=name)
        version = find(visible.select_related("model__group"), asked.validated_data["version"], noun="version", name_path="model__name")
        moved = move_alias(user=request.user, version=version, name=alias, expected=asked.validated_data.get("expected"))
        return Response(self.get_serializer(moved).data)

    @extend_schema(summary="Remove an alias")
    def destroy(self, request, group=None, name=None, alias=None):
        remove_alias(user=request.user, alias=find_alias(user=request.user, group=self.group, model=name, name=alias))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _of_versions(what: Count | Max) -> Subquery:
    """Asked for the names of one page, where a join would group the versions of all."""
    versions = ModelVersion.objects.filter(model=OuterRef("pk")).order_by().values("model")
    return Subquery(versions.annotate(found=what).values("found"))


class ModelNameViewSet(ScopedViewSet, mixins.ListModelMixin):
    """The names, with how many versions each has."""

    permission, noun = Permission.MODEL_READ, "model"
    queryset = RegisteredModel.objects.annotate(
        versions_count=_of_versions(Count("pk")), latest=_of_versions(Max("number")), latest_at=_of_versions(Max("created_at"))
    ).order_by("name")
    serializer_class = shapes.ModelNameSerializer
    filter_backends: list = []

    @extend_schema(summary="Names of models, with their number of versions")
    def list(self, request, group=None):
        return super().list(request)


@extend_schema_view(
    list=extend_schema(summary="Manifests, newest first"),
    retrieve=extend_schema(summary="One manifest with its files and users", responses=shapes.ManifestDetailSerializer),
)
class ManifestViewSet(FilesMixin, NamedViewSet):
    """Manifests."""

    permission, noun = Permission.MANIFEST_READ, "manifest"
    queryset = Manifest.objects.select_related("group", "created_by").prefetch_related("uses__version__model").order_by("-created_at", "pk")
    serializer_class, detail_class = shapes.ManifestSerializer, shapes.ManifestDetailSerializer
    filterset_class = ManifestFilter

    @extend_schema(summary="Create a manifest", request=CREATE_MANIFEST, responses={201: shapes.ManifestDetailSerializer})
    def create(self, request, group=None):
        require(request.user, Permission.MANIFEST_WRITE, self.group)
        asked = self.form(CREATE_MANIFEST)
        visible = ModelVersion.objects.allowing(request.user, Permission.MODEL_READ).filter(group=self.group).select_related("model__group")
        extra: dict = {"files": receive_form_files(asked.get("files", ()), paths=asked.get("paths", ()))}
        if asked.get("uploadSet"):
            extra["upload_set"] = find_upload_set(user=request.user, group=self.group, said=asked["uploadSet"])
        dependencies = text_of(asked["dependencies"], "dependencies")
        if dependencies is not None:
            given = asked["dependencies"]
            dependencies = (*dependencies, given.get("kind") if isinstance(given, dict) else asked["dependenciesKind"])
        manifest = create_manifest(
            user=request.user,
            group=self.group,
            models=versions_said(visible, asked["models"]),
            driver=text_of(asked["driver"], "driver"),
            schema=text_of(asked["schema"], "schema"),
            dependencies=dependencies,
            python=asked["python"] or None,
            **{key: asked[key] for key in ("name", "description", "runtime")},
            **extra,
        )
        return Response(self.detail_class(manifest).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Delete a manifest that nothing uses")
    def destroy(self, request, group=None, id=None):
        delete_manifest(user=request.user, manifest=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="One file of a manifest", parameters=[PATH], responses={(200, "application/octet-stream"): BYTES})
    def file(self, request, group=None, id=None, path=""):
        manifest = self.get_object()
        found = manifest.files.select_related("asset").filter(path=path).first()
        if found is None:
            raise NotFound(_("%(manifest)s has no file %(path)s.") % {"manifest": manifest, "path": path})
        return send_asset(request, found.asset, found.path)


@extend_schema_view(
    list=extend_schema(summary="Images, newest first"),
    retrieve=extend_schema(summary="One image with its packages and users", responses=shapes.ImageDetailSerializer),
)
class ImageViewSet(NamedViewSet):
    """Images. Asking for one starts work, so `create` is added, and routed, by deployments."""

    permission, noun = Permission.IMAGE_READ, "image"
    queryset = Image.objects.select_related("group", "created_by", "manifest").order_by("-created_at", "pk")
    serializer_class, detail_class = shapes.ImageSerializer, shapes.ImageDetailSerializer
    filterset_class = ImageFilter

    @extend_schema(summary="Delete an image that nothing uses")
    def destroy(self, request, group=None, id=None):
        delete_image(user=request.user, image=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="What is in an image: a CycloneDX bill of materials",
        responses={(200, "application/vnd.cyclonedx+json"): OpenApiTypes.OBJECT},
    )
    def bill(self, request, group=None, id=None):
        image = self.get_object()
        answer = JsonResponse(bill_of_materials(image), json_dumps_params={"indent": 1}, content_type=MEDIA_TYPE)
        answer["Content-Disposition"] = f'attachment; filename="{image.name}-{image.number}.cdx.json"'
        return answer
