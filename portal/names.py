"""Names and ids that people can say.

The rule is the original's rule for service names (TRBL, IRIS3 in the specification),
used for every noun: 3 to 32 characters, lower-case letters, digits, `-` and `.`,
first and last a letter or digit. `iris:3` is version 3 of iris, `iris@champion` the one its alias points at now.
"""

from __future__ import annotations

import re
import uuid

from django.core.validators import MaxLengthValidator, MinLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from portal.errors import NotFound

NAME = r"[a-z0-9][a-z0-9.-]{1,30}[a-z0-9]"
NAME_RULE = _("Use 3 to 32 characters: lower-case letters, digits, - and . ; the first and last must be a letter or a digit.")
name_validators = [MinLengthValidator(3, NAME_RULE), MaxLengthValidator(32, NAME_RULE), RegexValidator(rf"\A{NAME}\Z", NAME_RULE)]

_SAID = re.compile(rf"(?P<name>{NAME}):(?P<number>[1-9][0-9]{{0,8}})")
_ALIAS = re.compile(rf"(?P<name>{NAME})@(?P<alias>{NAME})")


def parse_id(said: str) -> dict[str, object] | None:
    """`iris:3` -> {"name": "iris", "number": 3}; a uuid -> {"id": UUID}; anything else -> None."""
    match = _SAID.fullmatch(said)
    if match:
        return {"name": match["name"], "number": int(match["number"])}
    try:
        return {"id": uuid.UUID(said)}
    except ValueError:
        return None


def find(queryset, said: str, *, noun: str, name_path: str = "name"):
    """The row of an already scoped queryset that `said` names; raises NotFound in the words people used."""
    wanted = parse_id(str(said)) or _by_alias(queryset.model, str(said))
    if wanted and "name" in wanted and name_path != "name":
        wanted[name_path] = wanted.pop("name")
    row = queryset.filter(**wanted).first() if wanted else None
    if row is None:
        hint = "" if wanted else _(" Say it as name:number, for example iris:3.")
        words = _("There is no %(noun)s %(said)s, or you may not see it.%(hint)s")
        raise NotFound(
            words % {"noun": _(noun), "said": said, "hint": hint}, details=[{"code": "NotFound", "message": str(said), "field": noun}]
        )
    return row


def _by_alias(model, said: str) -> dict[str, object] | None:
    """`iris@champion`, for rows that have aliases; whoever asks gets the row itself, so it is resolved once."""
    match = _ALIAS.fullmatch(said) if hasattr(model, "aliases") else None
    return {"name": match["name"], "aliases__name": match["alias"]} if match else None
