"""REST of the portal's own state, for administrators and their monitors."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView

from deployments import system
from deployments.actions.notifications import send_test_mail
from deployments.actions.support import download_support_bundle


class IsAdministrator(BasePermission):
    message = "Only an administrator of this portal may see how its parts are."

    def has_permission(self, request, view) -> bool:
        return bool(request.user and request.user.is_active and request.user.is_superuser)


class PartSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField(help_text="ok, warn or fail")
    detail = serializers.CharField()
    cure = serializers.CharField(allow_blank=True)


class SystemSerializer(serializers.Serializer):
    """`state` is the worst of the parts'."""

    state = serializers.CharField(help_text="ok, warn or fail")
    parts = PartSerializer(many=True)


class SystemView(APIView):
    """How the portal's parts are: 200 while it works, 503 when a part has failed."""

    permission_classes = [IsAdministrator]

    @extend_schema(responses={200: SystemSerializer, 503: SystemSerializer}, operation_id="system")
    def get(self, request):
        """The state of every part."""
        found = system.parts()
        state = system.worst(found)
        document = SystemSerializer({"state": state, "parts": found}).data
        return Response(document, status=503 if state == system.FAIL else 200)


class SupportBundleView(APIView):
    """A zip for whoever helps: versions, settings, health, states of operations, the portal's own logs. Secrets are masked."""

    permission_classes = [IsAdministrator]

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, operation_id="support_bundle")
    def get(self, request):
        """Make and send it."""
        name, data = download_support_bundle(user=request.user)
        return HttpResponse(data, content_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'})


class SentToSerializer(serializers.Serializer):
    sentTo = serializers.CharField()


class TestMailView(APIView):
    """Whether the portal's mail arrives."""

    permission_classes = [IsAdministrator]

    @extend_schema(request=None, responses=SentToSerializer, operation_id="test_mail")
    def post(self, request):
        """Send a mail to oneself, now; 503 with the mail server's words when it does not take it."""
        return Response({"sentTo": send_test_mail(user=request.user)})


class HealthView(SystemView):
    """The same at the address that monitors know."""

    schema = None


urlpatterns = [path("health/", HealthView.as_view(), name="health")]
