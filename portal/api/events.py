"""REST of the audit log."""

from __future__ import annotations

from rest_framework import mixins, serializers

from portal.accounts.filters import EventFilter
from portal.accounts.models import Event
from portal.accounts.permissions import Permission
from portal.api.views import ScopedViewSet


class EventSerializer(serializers.ModelSerializer):
    actor = serializers.CharField(source="actor_label")
    subjectType = serializers.CharField(source="subject_type")
    subjectId = serializers.CharField(source="subject_id")
    subject = serializers.CharField(source="subject_label")
    requestId = serializers.CharField(source="request_id")
    createdAt = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Event
        fields = ["id", "createdAt", "actor", "tag", "subjectType", "subjectId", "subject", "data", "requestId"]


class EventViewSet(ScopedViewSet, mixins.ListModelMixin):
    """What happened in the group, newest first. Nobody edits it."""

    permission, noun = Permission.EVENT_READ, "event"
    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilter
