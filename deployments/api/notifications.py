"""REST of one's own notifications."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from deployments import mailing
from deployments.actions.notifications import choose_mails, mark_read
from deployments.notifications import notifications


class NotificationSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="operation.failed, operation.waiting, operation.done, or the tag of an event")
    createdAt = serializers.DateTimeField(source="at")
    group = serializers.CharField()
    message = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    noun = serializers.CharField(allow_blank=True, help_text="operation, service, model, group, or nothing")
    subject = serializers.CharField(allow_blank=True, help_text="An operation's id, else the name in the group.")
    new = serializers.BooleanField()


class NotificationsSerializer(serializers.Serializer):
    """`count` is how many are new."""

    count = serializers.IntegerField()
    value = NotificationSerializer(many=True)


class UntilSerializer(serializers.Serializer):
    until = serializers.DateTimeField(required=False, help_text="The newest one that was seen; now, if left out.")


class MailSerializer(serializers.Serializer):
    """What comes as mail."""

    sendsMail = serializers.BooleanField(read_only=True, help_text="Whether the operator has set up mail")
    address = serializers.CharField(read_only=True, help_text="Where it goes; empty without an address in the account")
    kinds = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=20, help_text=f"Some of {', '.join(mailing.KINDS)}"
    )
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)


class NotificationsView(APIView):
    """What happened to oneself and one's services: what failed, waits for a decision, or was done by others."""

    @extend_schema(responses=NotificationsSerializer, operation_id="notifications_list")
    def get(self, request):
        """Those of the last 30 days, newest first, at most 100."""
        found = notifications(request.user)
        return Response(NotificationsSerializer({"count": sum(one.new for one in found), "value": found}).data)


class ReadView(APIView):
    """One's last look."""

    @extend_schema(request=UntilSerializer, responses=UntilSerializer, operation_id="notifications_read")
    def post(self, request):
        """What is as old as `until` or older is not new any more."""
        asked = UntilSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(UntilSerializer({"until": mark_read(user=request.user, until=asked.validated_data.get("until"))}).data)


class MailView(APIView):
    """Which notifications come as mail."""

    @extend_schema(responses=MailSerializer, operation_id="notifications_mail")
    def get(self, request):
        """One's own switches."""
        return Response(self._shown(request.user))

    @extend_schema(request=MailSerializer, responses=MailSerializer, operation_id="notifications_mail_set")
    def put(self, request):
        """Replace them; what is left out stays."""
        asked = MailSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        choose_mails(user=request.user, **asked.validated_data)
        return Response(self._shown(request.user))

    @staticmethod
    def _shown(user) -> dict:
        kinds, language = mailing.choice_of(user)
        return MailSerializer({"sendsMail": settings.SENDS_MAIL, "address": user.email, "kinds": kinds, "language": language}).data
