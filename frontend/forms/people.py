"""Members, groups, accounts and tokens."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from frontend.forms.base import NameField, StyledForm
from portal.accounts.permissions import Role

PASSWORD = {"autocomplete": "new-password"}


class AddMemberForm(StyledForm):
    person = forms.CharField(
        label=_("Person"),
        help_text=_("User name or e-mail address of somebody who has an account."),
        error_messages={"required": _("Say who.")},
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.CONTRIBUTOR)


class RoleForm(StyledForm):
    role = forms.ChoiceField(choices=Role.choices)


class GroupForm(StyledForm):
    name = NameField(
        label=_("Name"), help_text=_("It becomes a part of addresses and stays. 3 to 32 characters: lower-case letters, digits, - and .")
    )
    description = forms.CharField(label=_("Description"), required=False, max_length=500)


class AccountForm(StyledForm):
    username = forms.CharField(
        label=_("User name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"})
    )
    email = forms.EmailField(label=_("E-mail address"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs=PASSWORD),
        help_text=_("At least 8 characters, not only digits, not a common one."),
    )


class FirstAdministratorForm(AccountForm):
    again = forms.CharField(label=_("Password again"), strip=False, widget=forms.PasswordInput(attrs=PASSWORD))

    def clean(self):
        values = super().clean()
        if values.get("password") and values.get("again") and values["password"] != values["again"]:
            self.add_error("again", _("The two passwords differ."))
        return values


class TokenForm(StyledForm):
    name = forms.CharField(
        label=_("What is it for?"),
        max_length=64,
        error_messages={"required": _("Give the token a name, so that you know later what it is for.")},
    )
    days = forms.TypedChoiceField(
        label=_("Expires"),
        choices=[("30", _("in 30 days")), ("90", _("in 90 days")), ("365", _("in a year")), ("", _("never"))],
        initial="90",
        required=False,
        coerce=int,
        empty_value=None,
    )
