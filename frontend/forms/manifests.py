"""The parts of a recipe. Texts may be typed or come as files; a chosen file fills its text, so that nothing is lost."""

from __future__ import annotations

import hashlib

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from frontend.forms.base import MultipleFileField, NameField, StyledForm, editor
from registry.generating import Recipe
from registry.runtimes import RUNTIMES
from registry.schemas import schema_from_sample
from registry.uploads import read_small

#: the largest text that a form reads into memory; the action knows the real limits
MOST_TEXT = 9 * 2**20


def fingerprint(text: str) -> str:
    """To know a text again that a browser has sent back, whatever it did to the line ends."""
    return hashlib.sha256(text.replace("\r\n", "\n").strip().encode(errors="replace")).hexdigest()


def filled(typed: dict, recipe: Recipe) -> dict:
    """What was typed, with the recipe in the fields that nobody wrote to."""
    values = dict(typed)
    if not typed.get("driver") or fingerprint(typed["driver"]) == typed.get("proposed"):
        values |= {"driver": recipe.driver, "schema": recipe.schema_file, "dependencies": recipe.dependencies, "sample": ""}
        values |= {"proposed": fingerprint(recipe.driver), "runtime": recipe.runtime, "python": recipe.python or ""}
    return values


class RecipeFields(StyledForm):
    """score.py, schema, dependencies, extra files and runtime: shared by the manifest form and the one-step form."""

    upload_set = forms.CharField(required=False, widget=forms.HiddenInput)
    #: the fingerprint of a scoring file that was written from the model: one that nobody changed is written anew
    proposed = forms.CharField(required=False, widget=forms.HiddenInput)
    driver = forms.CharField(label="score.py", required=False, strip=False, widget=editor("python", 16))
    driver_file = forms.FileField(label=_("or choose a file"), required=False, allow_empty_file=True)
    schema = forms.CharField(
        label=_("Schema"),
        required=False,
        strip=False,
        widget=editor("json", 8),
        help_text=_("A service_schema.json. Without a schema, run() is given the raw body."),
    )
    schema_file = forms.FileField(label=_("or choose a file"), required=False, allow_empty_file=True)
    sample = forms.CharField(
        label=_("A sample request"),
        required=False,
        strip=False,
        widget=editor("json", 5),
        help_text=_(
            'The schema is made from it. For example {"input_df": [{"age": 41, "plan": "basic"}]}; the names on top are the arguments of run().'
        ),
    )
    dependencies = forms.CharField(
        label=_("Dependencies"),
        required=False,
        strip=False,
        widget=editor("text", 8),
        help_text=_("The text of a requirements.txt or of a conda environment.yml."),
    )
    dependencies_file = forms.FileField(label=_("or choose a file"), required=False, allow_empty_file=True)
    files = MultipleFileField(label=_("Extra files"), help_text=_("They lie beside score.py under the same names."))
    runtime = forms.ChoiceField(label=_("Runtime"), choices=[])
    python = forms.ChoiceField(label="Python", required=False, choices=[])

    unmarked = frozenset({"driver", "driver_file", "schema", "schema_file", "dependencies_file"})
    TEXTS = {"driver": "score.py", "schema": "service_schema.json", "dependencies": "requirements.txt"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["runtime"].choices = [(one.name, one.label) for one in RUNTIMES.values()]
        self.fields["python"].choices = [
            ("", _("As the conda file says, or the usual one")),
            *((version, version) for version in settings.PYTHON_VERSIONS),
        ]
        self.raw: dict[str, bytes] = {}
        self.paths: dict[str, str] = {}

    def clean(self):
        values = super().clean()
        for name, usual in self.TEXTS.items():
            self._take_file(values, name, usual)
        self._make_schema(values)
        return values

    def _take_file(self, values: dict, name: str, usual: str) -> None:
        file = values.pop(f"{name}_file", None)
        if file:
            data = read_small(file, MOST_TEXT)
            self.raw[name], self.paths[name] = data, file.name
            # Shown again should anything be refused, as a chosen file cannot be.
            self.data = self.data.copy()
            self.data[self.add_prefix(name)] = data.decode(errors="replace")
        elif (values.get(name) or "").strip():
            # Browsers send line ends as CR LF.
            text = values[name].replace("\r\n", "\n")
            self.raw[name] = text.encode(errors="replace")
            conda = name == "dependencies" and any(line.startswith(("dependencies:", "channels:")) for line in text.splitlines())
            self.paths[name] = "environment.yml" if conda else usual

    def _make_schema(self, values: dict) -> None:
        sample = (values.get("sample") or "").strip()
        if not sample:
            return
        if "schema" in self.raw:
            self.add_error("sample", _("Give a schema or a sample request, not both."))
            return
        try:
            self.raw["schema"], self.paths["schema"] = schema_from_sample(sample), "service_schema.json"
        except forms.ValidationError as error:
            self.add_error("sample", error)

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

    def recipe(self, values: dict) -> dict:
        """The keyword arguments that create_manifest and deploy share."""
        dependencies = self._text("dependencies")
        return {
            "driver": self._text("driver"),
            "schema": self._text("schema"),
            "dependencies": (*dependencies, None) if dependencies else None,
            "runtime": values["runtime"],
            "python": values["python"] or None,
        }

    def _text(self, name: str) -> tuple[str, bytes] | None:
        return (self.paths[name], self.raw[name]) if name in self.raw else None


class CreateManifestForm(RecipeFields):
    name = NameField(label=_("Name"))
    models = forms.MultipleChoiceField(label=_("Models"), required=False, choices=[], widget=forms.CheckboxSelectMultiple)
    more_models = forms.CharField(
        label=_("Another model"),
        required=False,
        max_length=500,
        help_text=_("As name:number or name@alias, such as iris:3; several with spaces between them."),
    )
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    draft = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, versions=(), unknown=(), **kwargs):
        """`versions` are those to choose from, `unknown` the sentences about what was said and is not there."""
        super().__init__(*args, **kwargs)
        self.unknown = list(unknown)
        self.fields["models"].choices = [(str(version), str(version)) for version in versions]

    def clean_more_models(self) -> str:
        # What was found is among the chosen already (CreateManifestView.get_form_kwargs).
        if self.unknown:
            raise forms.ValidationError(self.unknown)
        return ""
