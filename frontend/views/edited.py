"""Two people at one form: who sends second is told what the first has changed, and nothing is overwritten silently."""

from __future__ import annotations

import json

from django import forms
from django.utils.translation import gettext as _

from frontend.templatetags.portal import ago
from portal.editing import held, last_change, mark_of

#: the hidden field with a mark of each value as it was when the form was opened
SEEN = "seen"
#: characters of a value that are shown beside a field
LONGEST = 300


class EditedMixin:
    """For an ActionView whose `get_initial` is what a row says now. A form without the marks is not compared."""

    def get_form(self, form_class=None):
        form = super().get_form(form_class)
        form.fields[SEEN] = forms.CharField(required=False, widget=forms.HiddenInput)
        form.initial[SEEN] = json.dumps(marks(form, self.get_initial()))
        return form

    def form_valid(self, form):
        seen = read(form.cleaned_data.pop(SEEN, ""))
        with held(self.object):
            self.object = self.get_object()
            now = marks(form, self.get_initial())
            wanted = {name: mark_of(form[name].value()) for name in now}
            changed = [name for name, mark in now.items() if seen.get(name, mark) != mark and wanted[name] != mark]
            return self.overtaken(form, changed, now) if changed else super().form_valid(form)

    def overtaken(self, form, changed: list[str], now: dict[str, str]):
        initial = self.get_initial()
        form.add_error(None, self.who_and_when())
        for name in changed:
            shown = shown_as(form, name, initial)
            shown = (_("on") if shown else _("off")) if isinstance(shown, bool) else str(shown)
            shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
            said = _("Meanwhile it became: %(value)s") % {"value": shown} if shown else _("Meanwhile it was emptied.")
            form.add_error(name, said)
        # Sent once more, knowing this, the person's own values are kept.
        form.data = form.data.copy()
        form.data[form.add_prefix(SEEN)] = json.dumps(now)
        return self.render_to_response(self.get_context_data(form=form), status=409)

    def who_and_when(self) -> str:
        event = last_change(self.request.user, self.object)
        again = _("What you typed is below; send it once more to keep yours.")
        if event is None:
            return _("Somebody changed this while you were writing.") + " " + again
        told = _("%(who)s changed this while you were writing (%(when)s).") % {"who": event.actor_label, "when": ago(event.created_at)}
        return f"{told} {again}"


def shown_as(form, name: str, initial: dict) -> object:
    """A field's value as the form writes it, before anybody types."""
    value = initial.get(name, form.fields[name].initial)
    value = form.fields[name].prepare_value(value() if callable(value) else value)
    return "" if value is None else value


def marks(form, initial: dict) -> dict[str, str]:
    return {name: mark_of(shown_as(form, name, initial)) for name in form.fields if name != SEEN}


def read(said: str) -> dict[str, str]:
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
