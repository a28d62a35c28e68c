"""REST of the requests that people keep for *Try it*."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from deployments.actions import examples
from deployments.api.views import find_named, validated
from deployments.models import Service, ServiceExample
from portal.accounts.permissions import Permission
from portal.api.views import ScopedViewSet


class ExampleSerializer(serializers.ModelSerializer):
    createdBy = serializers.CharField(source="created_by.username")
    createdAt = serializers.DateTimeField(source="created_at")

    class Meta:
        model = ServiceExample
        fields = ["id", "name", "body", "shared", "createdBy", "createdAt"]


class SaveExampleSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=64)
    body = serializers.CharField(trim_whitespace=False, help_text="The request body: JSON text")
    shared = serializers.BooleanField(required=False, default=False, help_text="Everybody in the group sees it")


class ExampleViewSet(ScopedViewSet):
    """Kept requests of a service: one's own and those that are shared."""

    permission, noun = Permission.SERVICE_READ, "example"
    queryset = ServiceExample.objects.select_related("created_by", "service__group")
    serializer_class = ExampleSerializer
    pagination_class = None

    def _service(self) -> Service:
        visible = Service.objects.allowing(self.request.user, Permission.SERVICE_READ).filter(group=self.group).select_related("group")
        return find_named(visible, self.kwargs["name"], "service")

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return super().get_queryset().filter(service=self._service()).seen_by(self.request.user)

    @extend_schema(responses=ExampleSerializer(many=True))
    def list(self, request, group=None, name=None):
        return Response(self.get_serializer(self.get_queryset(), many=True).data)

    @extend_schema(request=SaveExampleSerializer, responses={201: ExampleSerializer})
    def create(self, request, group=None, name=None):
        """Replaces one's own example of that name."""
        asked = validated(SaveExampleSerializer, request)
        example = examples.save_example(user=request.user, service=self._service(), **asked)
        return Response(self.get_serializer(example).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request, group=None, name=None, id=None):
        examples.delete_example(user=request.user, example=get_object_or_404(self.get_queryset(), pk=id))
        return Response(status=status.HTTP_204_NO_CONTENT)
