"""Forms of a service's own pages."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from frontend.forms.base import StyledForm

GRACES = [
    (0, _("Now: callers that still use it get 401 at once")),
    (1, _("In 1 hour")),
    (24, _("In 24 hours")),
]


class RegenerateKeyForm(StyledForm):
    grace_hours = forms.TypedChoiceField(
        label=_("The present value stops"), choices=GRACES, coerce=int, empty_value=0, required=False, initial=0
    )
    unmarked = frozenset({"grace_hours"})
