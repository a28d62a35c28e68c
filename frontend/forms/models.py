"""Registering a model, and the words on a version."""

from __future__ import annotations

from django import forms

from frontend.forms.base import MultipleFileField, NameField, StyledForm, WordsField


class RegisterModelForm(StyledForm):
    upload_set = forms.CharField(required=False, widget=forms.HiddenInput)
    files = MultipleFileField(label="Files")
    name = NameField(
        label="Name",
        help_text="A new name starts at version 1; a known one gets its next version. 3 to 32 characters: lower-case letters, digits, - and .",
    )
    description = forms.CharField(
        label="Description", required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="What it predicts, what it was trained on."
    )
    tags = WordsField(label="Tags", required=False, help_text="Words separated by commas.")
    framework = forms.CharField(
        label="Framework",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"list": "frameworks"}),
        help_text="For example scikit-learn 1.5.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["data-propose"] = ""


class DescribeModelForm(StyledForm):
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 5}))
    tags = WordsField(required=False, help_text="Words separated by commas.")
