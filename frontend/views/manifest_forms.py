"""Writing manifests: from nothing, from a model, from another manifest, from a draft."""

from __future__ import annotations

import json

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from frontend.forms.manifests import CreateManifestForm, filled
from frontend.views.base import ActionView, ScopedMixin
from frontend.views.uploads import StagedUploadsMixin
from portal.accounts.permissions import Permission
from portal.errors import NotFound, PortalError
from portal.names import find
from registry.actions import drafts
from registry.actions import manifests as actions
from registry.actions.recipes import propose_recipe
from registry.filters import ModelFilter
from registry.models import Manifest, ModelVersion
from registry.storage import open_asset

#: the newest versions to choose from, and how many a search shows; all others are found by their name
OFFERED_MODELS, FOUND_MODELS, OFFERED_MANIFESTS = 12, 20, 50
#: the sections of the form, with their words in the rail
PARTS = [
    ("models", _("Models")),
    ("driver", _("Scoring file")),
    ("dependencies", _("Dependencies")),
    ("schema", _("Schema")),
    ("files", _("Other files")),
]
#: what the form's script says
SCRIPT_WORDS = {
    "good": _("in order"),
    "problem": _("1 problem"),
    "problems": _("{n} problems"),
    "advice": _("1 hint"),
    "advices": _("{n} hints"),
    "empty": _("empty"),
    "saved": _("Draft saved {time}"),
    "unsaved": _("The draft could not be saved; it is tried again."),
    "added": _("{name} is chosen."),
    "remove": _("Remove {name}"),
    "column": _("Column {n}"),
    "type": _("Type of {name}"),
    "may_be_empty": _("{name} may be empty"),
    "example": _("Example of {name}"),
}
MOST_TYPED = 50
TEXTS = {"driver": "driver", "schema": "schema", "pip": "dependencies", "conda": "dependencies"}


class CreateManifestView(StagedUploadsMixin, ActionView):
    template_name = "frontend/manifests/form.html"
    form_class = CreateManifestForm
    title, submit, busy = _("New manifest"), _("Create manifest"), _("Creating…")
    permission = Permission.MANIFEST_WRITE

    def get_crumbs(self):
        return [(_("Manifests"), reverse("pages:manifests", args=[self.group.name]))]

    def versions(self):
        return self.scope(ModelVersion, Permission.MODEL_READ).select_related("model", "group").order_by("-created_at")

    def chosen_versions(self, said: list[str]) -> tuple[dict[str, ModelVersion], list[str], list[str]]:
        """The versions that are said by name:number or name@alias; the words that name none, and a sentence about each."""
        found, unknown, sentences = {}, [], []
        for word in dict.fromkeys(said):
            try:
                version = find(self.versions(), word, noun="model", name_path="model__name")
                found[str(version)] = version
            except NotFound as error:
                unknown.append(word)
                sentences.append(error.message)
        return found, unknown, sentences

    def get_form_kwargs(self):
        kwargs, sent = super().get_form_kwargs(), self.request.POST
        ticked = sent.getlist("models") if self.request.method == "POST" else kwargs["initial"].get("models", [])
        typed = sent.get("more_models", "").replace(",", " ").split()[:MOST_TYPED]
        chosen, _gone, _sentences = self.chosen_versions([word for word in ticked if word])
        more, unknown, sentences = self.chosen_versions(typed)
        chosen |= more
        if self.request.method == "POST":
            # What was typed and is there is ticked from now on.
            kwargs["data"] = data = sent.copy()
            data.setlist("models", [*ticked, *(name for name in more if name not in ticked)])
            data["more_models"] = " ".join(unknown)
        else:
            kwargs["initial"] = {**kwargs["initial"], "models": list(chosen)}
        self.offered = chosen | {str(version): version for version in self.versions()[:OFFERED_MODELS] if str(version) not in chosen}
        return {**kwargs, "versions": self.offered.values(), "unknown": sentences}

    # --- where it starts from -------------------------------------------------------------------

    def get_initial(self):
        asked = self.request.GET
        if asked.get("draft"):
            draft = drafts.find_draft(user=self.request.user, group=self.group, said=asked["draft"])
            return {**drafts.content_of(draft), "draft": str(draft.pk)}
        if asked.get("from"):
            return self.copy_of(asked["from"], newest="newest" in asked)
        model = asked.get("model", "")
        return {"name": model.rpartition(":")[0], "models": [model] if model else []}

    def copy_of(self, said: str, *, newest: bool = False) -> dict:
        """The texts of another manifest; with `newest`, the newest versions of its models."""
        manifest = self.find(self.scope(Manifest, Permission.MANIFEST_READ), said, "manifest")
        found: dict = {"name": manifest.name, "runtime": manifest.runtime, "python": manifest.python}
        versions = [use.version for use in manifest.uses.select_related("version__model")]
        found["models"] = [str(version) for version in versions]
        if newest:
            numbers = dict(
                self.versions()
                .filter(model__in=[version.model_id for version in versions])
                .order_by()
                .values_list("model")
                .annotate(Max("number"))
            )
            found["models"] = [f"{version.model.name}:{numbers[version.model_id]}" for version in versions]
        for file in manifest.files.select_related("asset"):
            if file.role in TEXTS:
                with open_asset(file.asset) as data:
                    found[TEXTS[file.role]] = data.read().decode(errors="replace")
        return found

    # --- what a button does ---------------------------------------------------------------------

    def post(self, request, *args, **kwargs):
        return self.generate() if "generate" in request.POST else super().post(request, *args, **kwargs)

    def generate(self):
        """The form again, with scoring file, schema and dependencies written from the first chosen model."""
        given = self.get_form()
        given.is_valid()
        typed, found = given.typed(), {}
        chosen = [self.offered[said] for said in typed["models"] if said in self.offered]
        if not chosen:
            found["trouble"] = _("Choose a model first.")
        else:
            try:
                recipe = propose_recipe(user=self.request.user, version=chosen[0], sample=typed["sample"])
                typed = filled(typed, recipe)
                found["recipe"] = recipe
            except (PortalError, ValidationError) as error:
                found["trouble"] = error.message if isinstance(error, PortalError) else " ".join(error.messages)
        form = CreateManifestForm(initial=typed, versions=self.offered.values())
        return self.render_to_response(self.get_context_data(form=form, **found))

    def form_valid(self, form):
        self.form = form
        return super().form_valid(form)

    def act(self, **values):
        upload_set = self.collect(self.form, values, field="files", set_field="upload_set")
        manifest = actions.create_manifest(
            user=self.request.user,
            group=self.group,
            name=values["name"],
            description=values["description"],
            models=[self.offered[said] for said in values["models"]],
            upload_set=upload_set,
            **self.form.recipe(values),
        )
        self.let_go(values["draft"])
        return manifest

    def let_go(self, said: str) -> None:
        """The draft has become a manifest."""
        if not said:
            return
        try:
            drafts.delete_draft(user=self.request.user, draft=drafts.find_draft(user=self.request.user, group=self.group, said=said))
        except PortalError:
            pass  # expired, or let go in another tab

    def get_success_url(self):
        if "build" in self.request.POST:
            return reverse("pages:new_image", args=[self.group.name]) + f"?manifest={self.result}"
        return reverse("pages:manifest", args=[self.group.name, str(self.result)])

    def search(self) -> dict[str, str]:
        """What makes a field look for models while one types."""
        url = reverse("pages:find_models", args=[self.group.name])
        return {"hx-get": url, "hx-trigger": "input changed delay:300ms", "hx-target": "#found-models"}

    def get_context_data(self, **kwargs):
        kwargs = super().get_context_data(**kwargs)
        form = kwargs["form"]
        form.fields["more_models"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none", **self.search()}
        kwargs["attached"] = self.attached(form, "upload_set")
        kwargs["back"] = reverse("pages:manifests", args=[self.group.name])
        own = drafts.drafts_of(user=self.request.user, group=self.group)[:6]
        kwargs["drafts"] = [draft for draft in own if str(draft.pk) != form["draft"].value()]
        kwargs["others"] = self.scope(Manifest, Permission.MANIFEST_READ).order_by("-created_at")[:OFFERED_MANIFESTS]
        kwargs["parts"] = PARTS
        kwargs["words_json"] = json.dumps({key: str(words) for key, words in SCRIPT_WORDS.items()})
        kwargs["copied"] = self.request.GET.get("from", "")
        return kwargs


class FindModelsView(ScopedMixin, TemplateView):
    """What the form's search shows while one types: `?more_models=` is looked for among all versions, however many there are."""

    template_name = "frontend/manifests/found_models.html"

    def get_context_data(self, **kwargs):
        words = self.request.GET.get("more_models", "").replace(",", " ").split()
        text = words[-1][:100] if words else ""
        rows = self.scope(ModelVersion, Permission.MODEL_READ).select_related("model", "group").order_by("-created_at")
        found = list(ModelFilter({"q": text}, queryset=rows).qs[: FOUND_MODELS + 1]) if text else []
        return super().get_context_data(text=text, found=found[:FOUND_MODELS], more=len(found) > FOUND_MODELS, **kwargs)
