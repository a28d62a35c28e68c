"""Shapes of people and groups. camelCase on the wire, as the original's API."""

from __future__ import annotations

from rest_framework import serializers

from portal.accounts.models import Membership, ResourceGroup, Token
from portal.accounts.permissions import Role


class GroupSerializer(serializers.ModelSerializer):
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = ResourceGroup
        fields = ["id", "name", "description", "createdAt"]
        read_only_fields = ["id"]
        # Meaning is the action's: one rule, one place.
        extra_kwargs = {"name": {"validators": []}}


class MemberSerializer(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")
    email = serializers.CharField(source="user.email")
    createdAt = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Membership
        fields = ["username", "email", "role", "createdAt"]


class AddMemberSerializer(serializers.Serializer):
    person = serializers.CharField(max_length=254, help_text="User name or e-mail address")
    role = serializers.ChoiceField(choices=Role.choices)


class RoleSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=Role.choices)


class TokenSerializer(serializers.ModelSerializer):
    keyId = serializers.CharField(source="key_id")
    lastFour = serializers.CharField(source="last_four")
    createdAt = serializers.DateTimeField(source="created_at")
    expiresAt = serializers.DateTimeField(source="expires_at", allow_null=True)
    lastUsedAt = serializers.DateTimeField(source="last_used_at", allow_null=True)

    class Meta:
        model = Token
        fields = ["keyId", "name", "lastFour", "createdAt", "expiresAt", "lastUsedAt"]


class IssueTokenSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=64)
    days = serializers.IntegerField(
        required=False, allow_null=True, default=90, min_value=1, max_value=3650, help_text="null never expires"
    )
