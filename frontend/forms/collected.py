"""Forms of collected data: what is collected and how long it is kept, and what is taken along."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from frontend.forms.base import StyledForm
from frontend.forms.rules import RulesField


class CollectionForm(StyledForm):
    collect_data = forms.BooleanField(label=_("Collect what score.py hands to its data collectors"), required=False)
    collect_days = forms.IntegerField(
        label=_("Days to keep"), min_value=1, max_value=3650, help_text=_("Older days are deleted, with their files.")
    )
    collect_rules = RulesField(
        label=_("Rules for fields"),
        required=False,
        help_text=_(
            "Rules are applied inside the replica, before anything is stored or printed; fields of nested objects count too. An empty row is no "
            "rule."
        ),
    )

    def __init__(self, *args, names=(), **kwargs):
        """`names` are fields that are likely to be there."""
        super().__init__(*args, **kwargs)
        self.fields["collect_rules"].widget.offered = names


class DownloadForm(StyledForm):
    """`stream` is one of the collectors there are, or empty for all."""

    first = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label=_("To"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    stream = forms.ChoiceField(label=_("Collector"), required=False)
    format = forms.ChoiceField(label=_("Format"), choices=[("csv", "CSV"), ("jsonl", "JSON lines"), ("parquet", "Parquet")])

    def __init__(self, *args, streams, **kwargs):
        self.streams = {" / ".join(stream): stream for stream in streams}
        super().__init__(*args, **kwargs)
        self.fields["stream"].choices = [("", _("All, in one file")), *((key, key) for key in self.streams)]

    def chosen(self) -> dict:
        """The arguments of `download_collected`."""
        found = self.cleaned_data
        stream = self.streams.get(found["stream"])
        named = dict(zip(("model", "version", "identifier"), stream, strict=True)) if stream else {}
        return {"first": found["first"], "last": found["last"], "format": found["format"], **named}
