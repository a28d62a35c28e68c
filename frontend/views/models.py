"""Models: the list, and what is done with them: register, describe, point an alias, write the card, delete."""

from __future__ import annotations

from django.contrib import messages
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from deployments import states
from deployments.models import Following
from frontend.forms.deployments import ConfirmForm
from frontend.forms.models import AliasForm, CardForm, DescribeModelForm, RegisterModelForm
from frontend.tables import ModelTable
from frontend.views.base import ActionView, ListView, ObjectMixin, PostView
from frontend.views.edited import EditedMixin
from frontend.views.uploads import StagedUploadsMixin
from portal.accounts.permissions import Permission
from registry import cards, usage
from registry.actions import models as actions
from registry.actions.aliases import find_alias, move_alias, remove_alias
from registry.comparing import card_of
from registry.filters import ModelFilter
from registry.models import ModelVersion


class ModelListView(ListView):
    title, model, permission = _lazy("Models"), ModelVersion, Permission.MODEL_READ
    table_class, filterset_class = ModelTable, ModelFilter
    empty = {
        "icon": "box",
        "title": _lazy("No models yet"),
        "what": _lazy("A model is a file or folder with numbered versions. Register the first one."),
        "command": "modelport model register -n iris -m model.pkl",
    }

    def get_queryset(self):
        rows = super().get_queryset().prefetch_related("tags", "aliases")
        return rows.order_by("-created_at", "pk")

    def get_context_data(self, **kwargs):
        self.create = (_("Register model"), reverse("pages:new_model", args=[self.group.name]), Permission.MODEL_WRITE)
        return super().get_context_data(**kwargs)


class ModelMixin(ObjectMixin):
    def get_object(self) -> ModelVersion:
        rows = self.scope(ModelVersion, Permission.MODEL_READ).select_related("model__group", "created_by")
        return self.find(rows, self.kwargs["said"], "model", name_path="model__name")

    def get_crumbs(self):
        name = self.group.name
        return [
            (_("Models"), reverse("pages:models", args=[name])),
            (self.object.name, reverse("pages:model_name", args=[name, self.object.name])),
        ]


class RegisterModelView(StagedUploadsMixin, ActionView):
    template_name = "frontend/models/form.html"
    form_class = RegisterModelForm
    title, submit, busy = _lazy("Register a model"), _lazy("Register model"), _lazy("Registering…")
    permission = Permission.MODEL_WRITE
    done = _lazy("Registered.")

    def get_initial(self):
        return {"name": self.request.GET.get("name", "")}

    def get_crumbs(self):
        return [(_("Models"), reverse("pages:models", args=[self.group.name]))]

    def act(self, **values):
        upload_set = self.collect(self.form, values, field="files", set_field="upload_set")
        return actions.register_model(user=self.request.user, group=self.group, upload_set=upload_set, **values)

    def form_valid(self, form):
        self.form = form
        return super().form_valid(form)

    def get_done(self):
        version, count = self.result, self.result.file_count
        told = ngettext("Registered %(version)s: %(count)s file.", "Registered %(version)s: %(count)s files.", count)
        told %= {"version": version, "count": count}
        twin = (
            ModelVersion.objects.filter(model=version.model, digest=version.digest, number__lt=version.number).order_by("-number").first()
        )
        return told if twin is None else f"{told} {_('Identical to version %(number)s, stored once.') % {'number': twin.number}}"

    def get_success_url(self):
        return reverse("pages:model", args=[self.group.name, str(self.result)])

    def get_context_data(self, **kwargs):
        kwargs = super().get_context_data(**kwargs)
        kwargs["attached"] = self.attached(kwargs["form"], "upload_set")
        kwargs["back"] = reverse("pages:models", args=[self.group.name])
        return kwargs


class ModelActionView(ModelMixin, ActionView):
    permission = Permission.MODEL_WRITE

    def get_crumbs(self):
        return [*super().get_crumbs(), (str(self.object), self.address)]

    @property
    def address(self) -> str:
        return reverse("pages:model", args=[self.group.name, str(self.object)])

    def get_success_url(self):
        return self.address

    def get_context_data(self, **kwargs):
        return super().get_context_data(back=self.address, **kwargs)


class DescribeModelView(EditedMixin, ModelActionView):
    form_class = DescribeModelForm
    title, done = _lazy("Edit description and tags"), _lazy("Saved.")

    def get_initial(self):
        return {"description": self.object.description, "tags": ", ".join(tag.word for tag in self.object.tags.all())}

    def act(self, description, tags):
        return actions.change_model_version(user=self.request.user, version=self.object, description=description, tags=tags)


class EditCardView(EditedMixin, ModelActionView):
    form_class = CardForm
    template_name = "frontend/models/card_form.html"
    title, submit, done = _lazy("Edit the model card"), _lazy("Save card"), _lazy("Saved.")

    def get_initial(self):
        text = card_of(self.object)
        if not text and "template" in self.request.GET:
            text = cards.TEMPLATE.format(name=self.object.name)
        return {"card": text}

    def act(self, card):
        return actions.change_model_version(user=self.request.user, version=self.object, card=card)

    def get_success_url(self):
        return f"{self.address}?tab=card"


def with_followers(aliases) -> list:
    """Aliases with `followers`, [(row, state)] of the services, and `moved_services`, the names of those that a move updates."""
    aliases = list(aliases)
    found = states.following_states(Following.objects.filter(alias__in=aliases).order_by("service__name")) if aliases else []
    for alias in aliases:
        alias.followers = [(row, now) for row, now in found if row.alias_id == alias.pk]
        alias.moved_services = [row.service.name for row, now in alias.followers if now.word != "Paused"]
    return aliases


class MoveAliasView(ModelActionView):
    form_class = AliasForm
    template_name = "frontend/models/alias_form.html"
    submit, busy = _lazy("Move alias"), _lazy("Moving…")

    def get_title(self):
        return _("Point an alias at %(version)s") % {"version": self.object}

    def get_initial(self):
        return {"alias": self.request.GET.get("alias", "")}

    def act(self, alias):
        # Where the page said that it points, which is what the person decided by.
        shown = self.request.POST.get(f"shown-{alias}")
        return move_alias(user=self.request.user, version=self.object, name=alias, expected=shown)

    done = _lazy("Moved.")

    def get_done(self):
        told = _("%(alias)s points at %(version)s.") % {"alias": self.result, "version": self.object}
        found = states.following_states(Following.objects.filter(alias=self.result).order_by("service__name"))
        updated = [row.service.name for row, now in found if now.word == "Updating"]
        stayed = [row.service.name for row, now in found if now.word == "Failed"]
        if updated:
            told += " " + _("It is being rolled out to %(services)s.") % {"services": ", ".join(updated)}
        if stayed:
            told += " " + _("It could not be rolled out to %(services)s.") % {"services": ", ".join(stayed)}
        return told

    def get_success_url(self):
        return reverse("pages:model_name", args=[self.group.name, self.object.name])

    def get_context_data(self, **kwargs):
        aliases = with_followers(self.object.model.aliases.select_related("version__model"))
        kwargs = super().get_context_data(aliases=aliases, **kwargs)
        said = kwargs["form"]["alias"].value()
        return {**kwargs, "effect": next((alias for alias in aliases if alias.name == said), None)}


class RemoveAliasView(PostView):
    def act(self):
        name = self.kwargs["name"]
        alias = find_alias(user=self.request.user, group=self.group, model=name, name=self.kwargs["alias"])
        remove_alias(user=self.request.user, alias=alias)
        messages.success(self.request, _("Removed %(alias)s.") % {"alias": f"{name}@{self.kwargs['alias']}"})
        return reverse("pages:model_name", args=[self.group.name, name])


class DeleteModelView(ModelActionView):
    form_class = ConfirmForm
    template_name = "frontend/confirm.html"
    submit, busy, danger, done = _lazy("Delete this version"), _lazy("Deleting…"), True, _lazy("Deleted.")

    def get_title(self):
        return _("Delete %(thing)s?") % {"thing": self.object}

    def act(self):
        actions.delete_model_version(user=self.request.user, version=self.object)

    def get_success_url(self):
        return reverse("pages:models", args=[self.group.name])

    def get_context_data(self, **kwargs):
        count = self.object.file_count
        goes = ngettext(
            "The %(count)s file of this version. Its number is not given out again.",
            "The %(count)s files of this version. Its number is not given out again.",
            count,
        ) % {"count": count}
        return super().get_context_data(
            goes=goes,
            stays=_("Other versions, and the same content where something else uses it."),
            users=usage.blockers_of(self.object),
            **kwargs,
        )
