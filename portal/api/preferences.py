"""REST of one's preferences, and of saved views of lists."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.accounts import preferences
from portal.accounts.models import SavedView
from portal.accounts.permissions import Permission
from portal.api.views import ScopedViewSet
from portal.errors import NotFound


@extend_schema_field({})
class AnyField(serializers.JSONField):
    """Any JSON."""


class PreferenceSerializer(serializers.Serializer):
    value = AnyField()


class PreferencesSerializer(serializers.Serializer):
    """Names and their values."""

    preferences = serializers.DictField(child=AnyField())


class PreferencesView(APIView):
    """One's own preferences: shortcuts, and how lists are shown."""

    @extend_schema(responses=PreferencesSerializer, operation_id="preferences_list")
    def get(self, request):
        """All that were set."""
        return Response({"preferences": preferences.preferences_of(request.user)})


class PreferenceView(APIView):
    """One preference."""

    @extend_schema(request=PreferenceSerializer, responses=PreferenceSerializer)
    def put(self, request, name: str):
        """Set it."""
        asked = PreferenceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        kept = preferences.set_preference(user=request.user, name=name, value=asked.validated_data["value"])
        return Response({"value": kept.value})


class SavedViewSerializer(serializers.ModelSerializer):
    noun = serializers.CharField(max_length=16, help_text=f"The list: {', '.join(preferences.NOUNS)}")
    name = serializers.CharField(max_length=60)
    query = serializers.CharField(max_length=2000, help_text="As in the page's address: q=iris&sort=-size")
    owner = serializers.CharField(source="user.username", read_only=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = SavedView
        fields = ["id", "noun", "name", "query", "shared", "owner", "createdAt"]
        validators = []


class SavedViewSet(ScopedViewSet, mixins.ListModelMixin):
    """Filters of lists under a name: one's own, and those that are shared with the group."""

    permission, noun = Permission.GROUP_READ, "saved view"
    queryset = SavedView.objects.select_related("user", "group")
    serializer_class = SavedViewSerializer
    filterset_fields = ["noun"]

    def get_queryset(self):
        rows = super().get_queryset()
        return rows.filter(user=self.request.user) | rows.filter(shared=True)

    def create(self, request, group=None):
        asked = SavedViewSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        view = preferences.save_view(user=request.user, group=self.group, **asked.validated_data)
        return Response(self.get_serializer(view).data, status=status.HTTP_201_CREATED)

    def destroy(self, request, group=None, id=None):
        view = self.get_queryset().filter(pk=id).first() if str(id).isdecimal() else None
        if view is None:
            raise NotFound(_("There is no saved view %(id)s, or you may not see it.") % {"id": id})
        preferences.delete_view(user=request.user, view=view)
        return Response(status=status.HTTP_204_NO_CONTENT)
