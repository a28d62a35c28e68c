"""The one-page form: a model in, a service out. What is left empty is written from the model's own files."""

from __future__ import annotations

import hashlib

from django import forms
from django.utils.translation import gettext_lazy as _

from deployments.models import Service
from frontend.forms.base import MultipleFileField, NameField
from frontend.forms.deployments import RowField, SizeFields, environment_words
from frontend.forms.manifests import RecipeFields
from registry.generating import Recipe


def fingerprint(text: str) -> str:
    """To know a text again that a browser has sent back, whatever it did to the line ends."""
    return hashlib.sha256(text.replace("\r\n", "\n").strip().encode(errors="replace")).hexdigest()


class DeployForm(RecipeFields, SizeFields):
    """`proposed` is the fingerprint of the scoring file that was written from the model: one that nobody changed is written anew."""

    name = NameField(label=_("Service name"), help_text=_("It becomes a part of the URL."))
    model_set = forms.CharField(required=False, widget=forms.HiddenInput)
    proposed = forms.CharField(required=False, widget=forms.HiddenInput)
    model_files = MultipleFileField(label=_("Model"), help_text=_("The trained model, as you saved it: a file, or a folder."))
    model_name = NameField(label=_("Model name"), required=False, help_text=_("Left empty, it is called as the service."))
    environment = RowField(label=_("Environment"), error_messages={"required": _("Choose an environment.")})
    access = forms.ChoiceField(label=_("Access"), choices=Service.Access.choices)
    collect_data = forms.BooleanField(label=_("Collect inputs and predictions (the score file's ModelDataCollector)"), required=False)
    image_only = forms.BooleanField(label=_("Stop after the image; deploy it later"), required=False)

    #: fields whose text a look at the model fills
    FILLED = ("driver", "schema", "dependencies")

    def __init__(self, *args, environments, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["environment"].offer(environments, environment_words)
        self.fields["sample"].help_text = _(
            "A request, a row as JSON, or lines copied from a table with the names of the columns first. It says more than the model's file does."
        )

    def _make_schema(self, values: dict) -> None:
        # Here a sample is the newer word: the schema may come from the look before it.
        if (values.get("sample") or "").strip():
            self.raw.pop("schema", None)
        super()._make_schema(values)

    @property
    def is_proposal(self) -> bool:
        """The scoring file is the one that was written from the model, or none."""
        text = self.raw.get("driver", b"").decode(errors="replace")
        return not text or fingerprint(text) == self.cleaned_data.get("proposed")

    def typed(self) -> dict:
        """Everything as it was sent, to be shown again without a complaint."""
        values: dict = {}
        for name, field in self.fields.items():
            if not isinstance(field, forms.FileField):
                sent = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
                values[name] = "" if sent is None else sent
        return values


def filled(typed: dict, recipe: Recipe) -> dict:
    """What was typed, with the recipe in the fields that nobody wrote to."""
    values = dict(typed)
    if not typed.get("driver") or fingerprint(typed["driver"]) == typed.get("proposed"):
        values |= {"driver": recipe.driver, "schema": recipe.schema_file, "dependencies": recipe.dependencies, "sample": ""}
        values |= {"proposed": fingerprint(recipe.driver), "runtime": recipe.runtime, "python": recipe.python or ""}
    return values
