"""How our forms look: the kit's classes on widgets, errors and help wired to their fields, a summary on top."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class StyledForm(forms.Form):
    template_name = "frontend/fields.html"
    use_required_attribute = False
    #: fields that are asked for by the action, or belong to the one before: not called optional
    unmarked: frozenset[str] = frozenset()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.optional = not field.required and name not in self.unmarked
            widget = field.widget
            if isinstance(widget, forms.CheckboxInput):
                kit = "form-check-input"
            elif isinstance(widget, forms.Select):
                kit = "form-select"
            elif isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
                kit = "form-check-input"
            else:
                kit = "form-control"
            invalid = " is-invalid" if self.is_bound and name in self.errors_so_far() else ""
            widget.attrs["class"] = f"{widget.attrs.get('class', '')} {kit}{invalid}".strip()

    def errors_so_far(self) -> dict:
        return self._errors or {}

    def add_error(self, field, error) -> None:
        super().add_error(field, error)
        if field in self.fields:
            attrs = self.fields[field].widget.attrs
            if "is-invalid" not in attrs.get("class", ""):
                attrs["class"] = f"{attrs.get('class', '')} is-invalid".strip()


class MultipleFileInput(forms.ClearableFileInput):
    allow_multiple_selected = True
    template_name = "django/forms/widgets/input.html"


class MultipleFileField(forms.FileField):
    """All files of one input, in order; an empty list when none was chosen."""

    widget = MultipleFileInput

    def __init__(self, **kwargs):
        super().__init__(**{"required": False, "allow_empty_file": True, "max_length": None, **kwargs})

    def clean(self, data, initial=None):
        single = super().clean
        files = data if isinstance(data, list | tuple) else [data]
        return [single(file, initial) for file in files if file]


class Choices(forms.RadioSelect):
    """A few things to choose from, each with a sentence or two."""

    template_name = "frontend/choices.html"


class NameField(forms.CharField):
    """Shape only; whether the name is right and free is known by the action."""

    def __init__(self, **kwargs):
        attrs = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false", "maxlength": 32}
        defaults = {
            "help_text": _("3 to 32 characters: lower-case letters, digits, - and . ; the first and last a letter or a digit."),
            "error_messages": {"required": _("Give it a name.")},
            "widget": forms.TextInput(attrs=attrs),
        }
        super().__init__(**{**defaults, **kwargs})


class WordsField(forms.CharField):
    """Words separated by commas, as a list."""

    def clean(self, value):
        return [word.strip() for word in super().clean(value).split(",") if word.strip()]


def editor(language: str, rows: int = 12, **attrs) -> forms.Textarea:
    """A text area that becomes a code editor where there is script."""
    return forms.Textarea(attrs={"rows": rows, "data-editor": language, "spellcheck": "false", "class": "code", **attrs})
