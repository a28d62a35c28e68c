"""Recipes over REST: the answer, with a name, is what `POST manifests/` takes."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts.permissions import Permission
from portal.api.views import GroupMixin
from portal.names import find
from registry.actions.recipes import propose_recipe, propose_recipe_for_upload
from registry.actions.uploads import find_upload_set
from registry.api.serializers import DependenciesSerializer, TextSerializer
from registry.generating import Recipe
from registry.models import ModelVersion


class ProposeRecipeSerializer(serializers.Serializer):
    sample = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="A request, rows or CSV as text; the schema is made from it instead of from the model",
    )
    name = serializers.CharField(required=False, default="model", help_text="What the model will be called; for uploads only")


class RecipeSerializer(serializers.Serializer):
    """A proposal; nothing was written."""

    framework = serializers.CharField()
    notes = serializers.ListField(child=serializers.CharField(), help_text="What a person should know or look at")
    models = serializers.ListField(child=serializers.CharField(), help_text="The version it was made for")
    driver = TextSerializer()
    schema = TextSerializer(allow_null=True)
    dependencies = DependenciesSerializer()
    runtime = serializers.CharField()
    python = serializers.CharField(allow_null=True)


def on_the_wire(recipe: Recipe, models: list[str]) -> dict:
    schema = recipe.schema_file
    return {
        "framework": recipe.framework,
        "notes": recipe.notes,
        "models": models,
        "driver": {"path": "score.py", "content": recipe.driver},
        "schema": {"path": "service_schema.json", "content": schema} if schema else None,
        "dependencies": {"path": "requirements.txt", "content": recipe.dependencies, "kind": "pip"},
        "runtime": recipe.runtime,
        "python": recipe.python,
    }


class _RecipeView(GroupMixin, APIView):
    def asked(self) -> dict:
        shape = ProposeRecipeSerializer(data=self.request.data)
        shape.is_valid(raise_exception=True)
        return shape.validated_data


class ModelRecipeView(_RecipeView):
    @extend_schema(
        operation_id="models_recipe",
        summary="Propose score.py, dependencies and schema for a model version",
        request=ProposeRecipeSerializer,
        responses=RecipeSerializer,
    )
    def post(self, request, group=None, id=None):
        visible = ModelVersion.objects.allowing(request.user, Permission.MODEL_READ).filter(group=self.group)
        version = find(visible.select_related("model__group", "group"), id, noun="model", name_path="model__name")
        recipe = propose_recipe(user=request.user, version=version, sample=self.asked()["sample"])
        return Response(on_the_wire(recipe, [str(version)]))


class UploadRecipeView(_RecipeView):
    @extend_schema(
        operation_id="uploads_recipe",
        summary="Propose score.py, dependencies and schema for files that are not registered yet",
        request=ProposeRecipeSerializer,
        responses=RecipeSerializer,
    )
    def post(self, request, group=None, id=None):
        upload_set = find_upload_set(user=request.user, group=self.group, said=id)
        return Response(on_the_wire(propose_recipe_for_upload(user=request.user, upload_set=upload_set, **self.asked()), []))
