"""Rules on fields of collected data, as a table: a row a field, what is done with it beside it. Works without a script."""

from __future__ import annotations

from collections.abc import Iterable

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from deployments.collected.rules import DROP, HASH, MASK

ACTIONS = [("", "—"), (DROP, _("leave it out")), (HASH, _("hash it: equal values stay equal")), (MASK, _("mask it with ***"))]
#: empty rows to write in, below those that are filled, and when more of them are asked for
EMPTY, MORE = 4, 20


class Rules(list):
    """[{field, action}], which says itself in one line."""

    def __str__(self) -> str:
        return ", ".join(f"{rule['field']}: {rule['action']}" for rule in self)


class RulesWidget(forms.Widget):
    template_name = "frontend/widgets/rules.html"
    use_fieldset = True
    #: names of fields that are offered
    offered: Iterable[str] = ()
    empty = EMPTY

    def __init__(self, attrs=None):
        super().__init__(attrs)
        #: place of a row -> what is wrong with it
        self.faults: dict[int, str] = {}

    def value_from_datadict(self, data, files, name):
        given = getattr(data, "getlist", lambda key: data.get(key, []))
        pairs = zip(given(f"{name}-field"), given(f"{name}-action"), strict=False)
        return Rules({"field": field.strip(), "action": action} for field, action in pairs if field.strip() or action)

    def value_omitted_from_data(self, data, files, name):
        return f"{name}-field" not in data

    def get_context(self, name, value, attrs):
        filled = [{**rule, "fault": self.faults.get(place, "")} for place, rule in enumerate(value or ())]
        rows = filled + [{"field": "", "action": "", "fault": ""} for _row in range(self.empty)]
        context = super().get_context(name, value, attrs)
        context["widget"] |= {"rows": rows, "actions": ACTIONS, "offered": list(self.offered)}
        return context

    def __deepcopy__(self, memo):
        copied = super().__deepcopy__(memo)
        copied.faults = {}
        return copied


class RulesField(forms.Field):
    widget = RulesWidget

    def prepare_value(self, value):
        return Rules({"field": rule["field"], "action": rule["action"]} for rule in value or ())

    def clean(self, value):
        """Everything about one row is said at that row; the action checks the rest."""
        seen: set[str] = set()
        for place, rule in enumerate(value):
            name = rule["field"].casefold()
            if not name:
                fault = gettext("Name the field.")
            elif rule["action"] not in (DROP, HASH, MASK):
                fault = gettext("Choose what is done with %(field)s.") % {"field": rule["field"]}
            elif name in seen:
                fault = gettext("%(field)s has a row above.") % {"field": rule["field"]}
            else:
                fault = ""
            seen.add(name)
            if fault:
                self.widget.faults[place] = fault
        if self.widget.faults:
            raise ValidationError(
                [gettext("Row %(number)s: %(fault)s") % {"number": n + 1, "fault": f} for n, f in self.widget.faults.items()]
            )
        return list(value)
