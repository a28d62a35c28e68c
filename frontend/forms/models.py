"""Registering a model, and the words on a version."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from frontend.forms.base import MultipleFileField, NameField, StyledForm, WordsField


def alias_field(**options) -> NameField:
    attrs = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false", "maxlength": 32, "list": "aliases"}
    return NameField(
        label=_("Alias"), widget=forms.TextInput(attrs=attrs), error_messages={"required": _("Give the alias a name.")}, **options
    )


def card_field(rows: int) -> forms.CharField:
    return forms.CharField(
        label=_("Model card"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": rows, "spellcheck": "true", "class": "code", "data-card": ""}),
        help_text=_("Markdown; licence and tags may stand in front matter. Without one, the folder's README.md is the card."),
    )


class RegisterModelForm(StyledForm):
    upload_set = forms.CharField(required=False, widget=forms.HiddenInput)
    files = MultipleFileField(label=_("Files"))
    name = NameField(
        label=_("Name"),
        help_text=_(
            "A new name starts at version 1; a known one gets its next version. 3 to 32 characters: lower-case letters, digits, - and ."
        ),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What it predicts, what it was trained on."),
    )
    tags = WordsField(label=_("Tags"), required=False, help_text=_("Words separated by commas."))
    framework = forms.CharField(
        label=_("Framework"),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"list": "frameworks"}),
        help_text=_("For example scikit-learn 1.5."),
    )
    alias = alias_field(
        required=False,
        help_text=_("Moved to the new version, for example champion; services that follow it are updated. Empty moves none."),
    )
    card = card_field(10)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["data-propose"] = ""


class DescribeModelForm(StyledForm):
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 5}))
    tags = WordsField(label=_("Tags"), required=False, help_text=_("Words separated by commas."))


class AddTagsForm(StyledForm):
    tags = WordsField(label=_("Tags to add"), help_text=_("Words separated by commas."))


class CardForm(StyledForm):
    card = card_field(24)


class AliasForm(StyledForm):
    """While it is typed, the page says what moving it would do."""

    alias = alias_field(help_text=_("A word that points at one version and can be moved, for example champion. A known one is moved here."))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        look = {"hx-get": "", "hx-trigger": "input changed delay:300ms", "hx-sync": "this:replace"}
        self.fields["alias"].widget.attrs |= look | {"hx-target": "#alias-effect", "hx-select": "#alias-effect", "hx-swap": "outerHTML"}
