"""A golden request, as text that people can write."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deployments.models import Service
from frontend.forms.base import StyledForm, editor


class RulesField(forms.CharField):
    """A line a place: `/*/price 0.01`, `/*/share 5%`, `/id ignore`; the value is {place: rule}."""

    def clean(self, value):
        rules: dict = {}
        for number, line in enumerate(super().clean(value).splitlines(), 1):
            if not line.strip():
                continue
            place, _space, rule = line.strip().rpartition(" ")
            if not place:
                raise ValidationError(gettext("Line %(number)s: write a place and a tolerance, such as /*/price 0.01") % {"number": number})
            try:
                rules[place.strip()] = float(rule)
            except ValueError:
                rules[place.strip()] = rule
        return rules

    def prepare_value(self, value):
        return "\n".join(f"{place} {rule}" for place, rule in value.items()) if isinstance(value, dict) else value


class GoldenRequestForm(StyledForm):
    name = forms.CharField(label=_("Name"), max_length=64, help_text=_("What it stands for, such as: a customer of 90 years."))
    body = forms.CharField(label=_("Request"), strip=False, widget=editor("json", 6))
    expected = forms.CharField(label=_("Expected answer"), strip=False, widget=editor("json", 6))
    tolerances = RulesField(
        label=_("Tolerances"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "code", "spellcheck": "false"}),
        help_text=_(
            "A line a place in the answer: /*/price 0.01, /*/share 5% or /requestId ignore. Elsewhere numbers may differ by a millionth."
        ),
    )


class GoldenPolicyForm(StyledForm):
    policy = forms.ChoiceField(label=_("When answers change"), choices=Service.GoldenPolicy.choices, widget=forms.Select)
