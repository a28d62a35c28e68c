"""The alias that a service follows: choose it, pause, catch up, end."""

from __future__ import annotations

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deployments import plans
from deployments.actions import following as actions
from frontend.forms.services import FollowForm
from frontend.views.base import ActionView, PostView
from frontend.views.services import ServiceMixin, follow_of
from portal.accounts.permissions import Permission
from registry.models import Alias


class FollowPage(ServiceMixin):
    tab, title = "settings", _("Follow an alias")

    @property
    def here(self) -> str:
        return reverse("pages:follow_alias", args=[self.group.name, self.object.name])

    def begun(self, operation) -> str:
        """The page of the update that began, or this one."""
        if operation is not None:
            return reverse("pages:operation", args=[self.group.name, operation.pk])
        messages.success(self.request, gettext("Saved. The service is where the alias points."))
        return self.here


class FollowAliasView(FollowPage, ActionView):
    template_name, form_class = "frontend/services/follow.html", FollowForm
    submit, busy = _("Follow"), _("Saving…")
    permission = Permission.SERVICE_WRITE

    def get_form_kwargs(self):
        """Offered are the aliases of the models that the service is made of."""
        revision = plans.wanted_revision(self.object)
        self.versions = [use.version for use in revision.image.manifest.uses.select_related("version__model")] if revision else []
        rows = self.scope(Alias, Permission.MODEL_READ).filter(model__in=[version.model_id for version in self.versions])
        self.offered = list(rows.select_related("model", "version__model").order_by("model__name", "name"))
        return {**super().get_form_kwargs(), "aliases": self.offered}

    def get_initial(self):
        following = getattr(self.object, "following", None)
        return {"alias": following.alias_id if following else self.request.GET.get("alias")}

    def act(self, alias):
        return actions.follow_alias(user=self.request.user, service=self.object, alias=alias)

    def get_success_url(self):
        return self.begun(self.result)

    def get_context_data(self, **kwargs):
        kwargs.setdefault("back", reverse("pages:service_settings", args=[self.group.name, self.object.name]))
        kwargs = super().get_context_data(follow=follow_of(self.object), **kwargs)
        return {**kwargs, "offered": self.offered, "models": self.versions}


class CatchUpView(FollowPage, PostView):
    def act(self):
        return self.begun(actions.catch_up(user=self.request.user, service=self.object))


class PauseFollowingView(FollowPage, PostView):
    def act(self):
        actions.pause_following(user=self.request.user, service=self.object)
        messages.success(self.request, gettext("Paused. The alias may be moved, and the service stays as it is."))
        return self.here


class StopFollowingView(FollowPage, PostView):
    def act(self):
        actions.stop_following(user=self.request.user, service=self.object)
        messages.success(self.request, gettext("The service follows no alias any more. What serves goes on serving."))
        return self.here
