"""Members, groups, accounts, profile and tokens."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views import View
from django.views.decorators.csrf import ensure_csrf_cookie

from frontend.flash import keep_token, take_token
from frontend.forms.people import AccountForm, AddMemberForm, GroupForm, RoleForm, TokenForm
from frontend.views.base import ActionView, PostView
from frontend.views.notifications import mail_switches
from portal.accounts import actions
from portal.accounts.models import Membership, Token, User
from portal.accounts.permissions import GRANTS, ROLE_MEANS, Permission, Role
from portal.accounts.preferences import preferences_of, set_preference
from portal.accounts.second_factors import has_second_factor, passkeys_work, second_factors_of
from portal.accounts.sessions import sessions_of

#: what the members page tells of each permission, in the order of how many have it; to read the rest is everybody's
MAY = {
    Permission.SERVICE_READ: _lazy("See models, manifests, images, services, their logs and metrics"),
    Permission.MODEL_WRITE: _lazy("Register models, describe them, point aliases"),
    Permission.MANIFEST_WRITE: _lazy("Write manifests"),
    Permission.IMAGE_WRITE: _lazy("Build images"),
    Permission.SERVICE_WRITE: _lazy("Deploy, update, stop and start services"),
    Permission.SERVICE_SCORE: _lazy("Call services with a session key of one's own"),
    Permission.KEY_WRITE: _lazy("Regenerate keys and see them once"),
    Permission.OPERATION_WRITE: _lazy("Cancel operations and run them again"),
    Permission.COLLECTED_READ: _lazy("See and download what services collect"),
    Permission.EVENT_READ: _lazy("Read the audit log"),
    Permission.SERVICE_DELETE: _lazy("Delete services"),
    Permission.COLLECTED_DELETE: _lazy("Delete what services collected"),
    Permission.ENVIRONMENT_WRITE: _lazy("Create and change environments"),
    Permission.MEMBER_WRITE: _lazy("Add and remove members, change roles"),
}


class MembersView(ActionView):
    """The members, and the form that adds one."""

    template_name = "frontend/members.html"
    form_class = AddMemberForm
    title, submit, busy = _lazy("Members"), _lazy("Add member"), _lazy("Adding…")
    permission = Permission.MEMBER_WRITE

    def act(self, person, role):
        return actions.add_member(user=self.request.user, group=self.group, person=person, role=role)

    def get_success_url(self):
        messages.success(self.request, _("%(who)s is now %(role)s.") % {"who": self.result.user, "role": self.result.get_role_display()})
        return reverse("pages:members", args=[self.group.name])

    def get_context_data(self, **kwargs):
        members = self.scope(Membership, Permission.MEMBER_READ).select_related("user").annotate(two_factor=has_second_factor("user_id"))
        return super().get_context_data(
            members=members,
            roles=[(role, Role(role).label, means) for role, means in ROLE_MEANS.items()],
            granted=[(words, [permission in GRANTS[role] for role in ROLE_MEANS]) for permission, words in MAY.items()],
            **kwargs,
        )


class _MemberView(PostView):
    def membership(self) -> Membership:
        return self.one(
            self.scope(Membership, Permission.MEMBER_READ).select_related("user", "group"), user__username=self.kwargs["username"]
        )


class ChangeRoleView(_MemberView):
    def act(self):
        form = RoleForm(self.request.POST)
        if not form.is_valid():
            raise Http404
        changed = actions.change_role(user=self.request.user, membership=self.membership(), role=form.cleaned_data["role"])
        messages.success(self.request, _("%(who)s is now %(role)s.") % {"who": changed.user, "role": changed.get_role_display()})
        return reverse("pages:members", args=[self.group.name])


class RemoveMemberView(_MemberView):
    def act(self):
        membership = self.membership()
        actions.remove_member(user=self.request.user, membership=membership)
        if membership.user_id == self.request.user.pk:
            return "/"
        messages.success(self.request, _("%(who)s is no longer a member.") % {"who": membership.user})
        return reverse("pages:members", args=[self.group.name])


class NewGroupView(ActionView):
    form_class = GroupForm
    title, submit, busy = _lazy("New resource group"), _lazy("Create group"), _lazy("Creating…")

    def act(self, **values):
        return actions.create_resource_group(user=self.request.user, **values)

    def get_success_url(self):
        return reverse("pages:home", args=[self.result.name])

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            back="/", intro=_("People share models, images and services inside a group. You become its Owner."), **kwargs
        )


class ProfileView(ActionView):
    """Password by allauth's page; tokens are issued here and shown once."""

    template_name = "frontend/profile.html"
    form_class = TokenForm
    title, submit, busy = _lazy("Profile"), _lazy("Issue token"), _lazy("Issuing…")

    def act(self, name, days):
        _, value = actions.issue_token(user=self.request.user, name=name, days=days)
        keep_token(self.request, value)

    def get_success_url(self):
        return reverse("pages:profile") + "#tokens"

    def get_context_data(self, **kwargs):
        tokens = Token.objects.filter(user=self.request.user)
        memberships = self.request.user.memberships.select_related("group")
        shortcuts = preferences_of(self.request.user).get("shortcuts")
        return super().get_context_data(
            tokens=tokens,
            memberships=memberships,
            shortcuts=shortcuts is not False,
            mails=mail_switches(self.request.user),
            can_passkey=passkeys_work(self.request),
            factors=second_factors_of(self.request.user),
            sessions=sessions_of(self.request.user, self.request.session.session_key),
            value=take_token(self.request),
            **kwargs,
        )


class DisplayView(LoginRequiredMixin, View):
    """Whether single keys do something; kept for the person, on every machine."""

    http_method_names = ["post"]

    def post(self, request):
        set_preference(user=request.user, name="shortcuts", value=request.POST.get("shortcuts") == "on")
        messages.success(request, _("Kept."))
        return HttpResponseRedirect(reverse("pages:profile") + "#display")


class RevokeTokenView(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request, key_id: str):
        token = Token.objects.filter(user=request.user, key_id=key_id).first()
        if token is None:
            raise Http404
        actions.revoke_token(user=request.user, token=token)
        messages.success(request, _("%(name)s was revoked.") % {"name": token.name})
        return HttpResponseRedirect(reverse("pages:profile") + "#tokens")


class UsersView(ActionView):
    """An administrator opens accounts; nobody else sees this page."""

    template_name = "frontend/users.html"
    form_class = AccountForm
    title, submit, busy = _lazy("Accounts"), _lazy("Create account"), _lazy("Creating…")

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if request.user.is_authenticated and not request.user.is_superuser:
            raise Http404

    def act(self, **values):
        return actions.create_user(user=self.request.user, **values)

    def get_success_url(self):
        words = _(
            "Created the account %(name)s. Give the password on a safe way; it can be changed on the profile page. "
            "They see nothing yet: an Owner adds them on the page Members of a group."
        )
        messages.success(self.request, words % {"name": self.result})
        return reverse("pages:users")

    def get_context_data(self, **kwargs):
        users = User.objects.exclude(username=User.SYSTEM).prefetch_related("memberships__group").order_by("username")
        users = users.annotate(two_factor=has_second_factor())
        return super().get_context_data(users=users, **kwargs)


@login_required
@ensure_csrf_cookie
def api_docs(request):
    """Swagger UI on the portal's own document, with the strict policy of every page."""
    config = {"url": reverse("openapi"), "filter": True}
    return render(request, "frontend/api_docs.html", {"title": _("REST API"), "config": config})
