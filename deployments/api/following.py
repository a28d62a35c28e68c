"""REST of the alias that a service follows."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from deployments import states
from deployments.actions import following
from deployments.api.serializers import OperationSerializer
from deployments.api.views import accepted, find_named, validated
from deployments.models import Following, Service
from portal.accounts.permissions import Permission
from portal.api.views import ScopedViewSet
from portal.errors import BadRequest, NotFound
from registry.actions.aliases import find_alias
from registry.models import Alias


class FollowAliasSerializer(serializers.Serializer):
    alias = serializers.CharField(help_text="The alias of a model that the service uses: iris@champion")


class FollowingSerializer(serializers.Serializer):
    service = serializers.CharField(source="row.service.name")
    alias = serializers.CharField(source="row.alias.__str__")
    version = serializers.CharField(source="row.alias.version.__str__", help_text="Where the alias points now")
    paused = serializers.BooleanField(source="row.paused")
    state = serializers.ChoiceField(
        source="now.word",
        choices=["InStep", "Updating", "Waiting", "Failed", "Behind", "Paused"],
        help_text="InStep: it serves that version. Waiting: for a decision about changed answers. Behind: another version was deployed by hand",
    )
    stateDetail = serializers.CharField(source="now.detail", allow_blank=True)
    operation = serializers.SerializerMethodField(help_text="The newest update that a move of the alias has begun")
    createdAt = serializers.DateTimeField(source="row.created_at")

    def get_operation(self, found) -> str | None:
        return str(found["row"].newest) if found["row"].newest else None


BEGUN = {200: FollowingSerializer, 202: OperationSerializer}


class FollowingViewSet(ScopedViewSet):
    """When the alias is pointed at another version, the service is updated to it: an image, a rollout, golden requests first."""

    permission, noun = Permission.SERVICE_READ, "service"
    queryset = Following.objects.all()
    serializer_class = FollowingSerializer
    filter_backends: list = []

    def _service(self) -> Service:
        visible = Service.objects.allowing(self.request.user, Permission.SERVICE_READ).filter(group=self.group).select_related("group")
        return find_named(visible, self.kwargs["name"], "service")

    def _shown(self, service: Service) -> Response:
        found = states.following_states(self.get_queryset().filter(service=service))
        if not found:
            raise NotFound(_("%(service)s follows no alias.") % {"service": service})
        row, now = found[0]
        return Response(self.get_serializer({"row": row, "now": now}).data)

    def _begun(self, operation, service: Service) -> Response:
        return accepted(operation) if operation else self._shown(service)

    def retrieve(self, request, group=None, name=None):
        return self._shown(self._service())

    @extend_schema(request=FollowAliasSerializer, responses=BEGUN)
    def update(self, request, group=None, name=None):
        """202 with the update to where the alias points, 200 when the service is there already."""
        service, said = self._service(), validated(FollowAliasSerializer, request)["alias"]
        model, found, alias = said.partition("@")
        if not found:
            raise BadRequest(_("Write the model and its alias, such as iris@champion."), field="alias")
        row: Alias = find_alias(user=request.user, group=self.group, model=model, name=alias)
        return self._begun(following.follow_alias(user=request.user, service=service, alias=row), service)

    @extend_schema(responses={204: None})
    def destroy(self, request, group=None, name=None):
        """What serves goes on serving; an update under way is called off."""
        following.stop_following(user=request.user, service=self._service())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=FollowingSerializer)
    def pause(self, request, group=None, name=None):
        """The alias may be moved and the service stays; an update under way is called off."""
        service = self._service()
        following.pause_following(user=request.user, service=service)
        return self._shown(service)

    @extend_schema(request=None, responses=BEGUN)
    def catch_up(self, request, group=None, name=None):
        """Ends a pause, and updates the service to where the alias points."""
        service = self._service()
        return self._begun(following.catch_up(user=request.user, service=service), service)
