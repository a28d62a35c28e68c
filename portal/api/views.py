"""What every REST view of a group shares, and the REST of people: groups, members, tokens."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import mixins, status, viewsets
from rest_framework.response import Response

from portal.accounts import actions
from portal.accounts.models import Membership, ResourceGroup, Token
from portal.accounts.permissions import Permission, group_named
from portal.api.serializers import (
    AddMemberSerializer,
    GroupSerializer,
    IssueTokenSerializer,
    MemberSerializer,
    RoleSerializer,
    TokenSerializer,
)
from portal.errors import NotFound


class GroupMixin:
    """The group from the URL, if the person may see it; else 404, as for a group that does not exist."""

    @property
    def group(self) -> ResourceGroup:
        if "_group" not in self.__dict__:
            self.__dict__["_group"] = group_named(self.request.user, self.kwargs["group"])
        if self.__dict__["_group"] is None:
            raise NotFound(_("There is no resource group %(group)s, or you may not see it.") % {"group": self.kwargs["group"]})
        return self.__dict__["_group"]


class ScopedViewSet(GroupMixin, viewsets.GenericViewSet):
    """Rows of the group in the URL that the person may read.

    A subclass sets `permission` (what reading needs), `noun` and a queryset; `find` takes what people say.
    """

    permission: str = ""
    noun: str = ""
    lookup_value_regex = "[^/]+"

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        return super().get_queryset().allowing_in(self.group, self.request.user, self.permission)


class GroupViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Resource groups the person is a member of."""

    serializer_class = GroupSerializer
    queryset = ResourceGroup.objects.all()
    lookup_field, lookup_url_kwarg, lookup_value_regex = "name", "group", "[^/]+"

    def get_queryset(self):
        return ResourceGroup.objects.allowing(self.request.user, Permission.GROUP_READ)

    def retrieve(self, request, group=None):
        found = self.get_queryset().filter(name=group).first()
        if found is None:
            raise NotFound(_("There is no resource group %(group)s, or you may not see it.") % {"group": group})
        return Response(self.get_serializer(found).data)

    def create(self, request):
        asked = GroupSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        group = actions.create_resource_group(user=request.user, **asked.validated_data)
        return Response(self.get_serializer(group).data, status=status.HTTP_201_CREATED)


class MemberViewSet(ScopedViewSet, mixins.ListModelMixin):
    """Who is in the group, and as what."""

    permission, noun = Permission.MEMBER_READ, "member"
    queryset = Membership.objects.select_related("user", "group")
    serializer_class = MemberSerializer
    lookup_field = "user__username"
    lookup_url_kwarg = "username"

    def get_object(self):
        try:
            return super().get_object()
        except Http404:
            raise NotFound(
                _("%(username)s is not a member of %(group)s.") % {"username": self.kwargs["username"], "group": self.group}
            ) from None

    def create(self, request, group=None):
        asked = AddMemberSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        membership = actions.add_member(user=request.user, group=self.group, **asked.validated_data)
        return Response(self.get_serializer(membership).data, status=status.HTTP_201_CREATED)

    def partial_update(self, request, group=None, username=None):
        asked = RoleSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(
            self.get_serializer(actions.change_role(user=request.user, membership=self.get_object(), **asked.validated_data)).data
        )

    def destroy(self, request, group=None, username=None):
        actions.remove_member(user=request.user, membership=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """One's own tokens. The value is in the answer to the creation and nowhere else."""

    serializer_class = TokenSerializer
    queryset = Token.objects.all()
    lookup_field = "key_id"

    def get_queryset(self):
        return Token.objects.filter(user=self.request.user) if self.request.user.is_authenticated else Token.objects.none()

    def create(self, request):
        asked = IssueTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        token, value = actions.issue_token(user=request.user, **asked.validated_data)
        return Response({**self.get_serializer(token).data, "value": value}, status=status.HTTP_201_CREATED)

    def destroy(self, request, key_id=None):
        token = self.get_queryset().filter(key_id=key_id).first()
        if token is None:
            raise NotFound(_("You have no token %(key_id)s.") % {"key_id": key_id})
        actions.revoke_token(user=request.user, token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)
