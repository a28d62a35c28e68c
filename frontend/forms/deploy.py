"""The one-page form: a model in, a service out. What is left empty is written from the model's own files."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from deployments.models import Service
from frontend.forms.base import MultipleFileField, NameField
from frontend.forms.deployments import RowField, SizeFields, environment_words
from frontend.forms.manifests import RecipeFields


class DeployForm(RecipeFields, SizeFields):
    """Files in, a service out."""

    name = NameField(label=_("Service name"), help_text=_("It becomes a part of the URL."))
    model_set = forms.CharField(required=False, widget=forms.HiddenInput)
    model_files = MultipleFileField(label=_("Model"), help_text=_("The trained model, as you saved it: a file, or a folder."))
    model_name = NameField(label=_("Model name"), required=False, help_text=_("Left empty, it is called as the service."))
    environment = RowField(label=_("Environment"), error_messages={"required": _("Choose an environment.")})
    access = forms.ChoiceField(label=_("Access"), choices=Service.Access.choices)
    collect_data = forms.BooleanField(label=_("Collect inputs and predictions (the score file's ModelDataCollector)"), required=False)
    image_only = forms.BooleanField(label=_("Stop after the image; deploy it later"), required=False)

    def __init__(self, *args, environments, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["environment"].offer(environments, environment_words)
        self.fields["sample"].help_text = _(
            "A request, rows as JSON, or lines copied from a table with the names of the columns first. It says more than the model's file does."
        )

    def _make_schema(self, values: dict) -> None:
        # Here a sample is the newer word: the schema may come from the look before it.
        if (values.get("sample") or "").strip():
            self.raw.pop("schema", None)
        super()._make_schema(values)
