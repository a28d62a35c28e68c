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


class FollowForm(StyledForm):
    """The value is the alias itself."""

    alias = forms.TypedChoiceField(label=_("Alias"), error_messages={"required": _("Choose an alias.")})

    def __init__(self, *args, aliases, **kwargs):
        super().__init__(*args, **kwargs)
        found = {str(alias.pk): alias for alias in aliases}
        self.fields["alias"].choices = [("", "—"), *((pk, f"{alias} → {alias.version}") for pk, alias in found.items())]
        self.fields["alias"].coerce = found.__getitem__
