"""Two answers, and where they differ. Pure.

Numbers are equal within a relative 1e-6. A rule says otherwise for a place: `{"/*/price": 0.01, "/*/share": "5%", "/requestId": "ignore"}`.
A place is a JSON pointer in which `*` stands for any one part; of several rules that fit, the last counts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

USUAL = 1e-6
MOST_DIFFERENCES, LONGEST = 100, 200
IGNORE = "ignore"
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,6})?%")


@dataclass(frozen=True, slots=True)
class Difference:
    """`pointer` is the place; `expected` and `got` are short JSON, or "" where nothing is."""

    pointer: str
    expected: str
    got: str

    as_dict = asdict


def rule_fault(place: Any, rule: Any) -> str:
    """What is wrong with a rule, or ""."""
    if not isinstance(place, str) or not (place == "" or place.startswith("/")) or len(place) > 500:
        return _("%(place)s is no place in an answer. Write a JSON pointer such as /0/price or /*/price.") % {"place": repr(place)}
    if rule == IGNORE or (isinstance(rule, str) and _PERCENT.fullmatch(rule)):
        return ""
    if isinstance(rule, int | float) and not isinstance(rule, bool) and math.isfinite(rule) and rule >= 0:
        return ""
    return _('%(place)s: a tolerance is a number, a share such as "5%%", or "%(ignore)s".') % {"place": place, "ignore": IGNORE}


def differences(expected: Any, got: Any, rules: Mapping[str, Any]) -> list[Difference]:
    """Where the answers differ, in the order of the expected one; at most 100."""
    compiled = [(_pattern(place), rule) for place, rule in rules.items()]
    return list(islice(_walk(expected, got, "", compiled), MOST_DIFFERENCES))


def _pattern(place: str) -> re.Pattern:
    parts = ["[^/]*" if part == "*" else re.escape(part) for part in place.split("/")]
    return re.compile("/".join(parts))


def _rule(pointer: str, rules: list[tuple[re.Pattern, Any]]) -> Any:
    return next((rule for pattern, rule in reversed(rules) if pattern.fullmatch(pointer)), None)


def _walk(expected: Any, got: Any, pointer: str, rules: list) -> Iterator[Difference]:
    rule = _rule(pointer, rules)
    if rule == IGNORE:
        return
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in [*expected, *(name for name in got if name not in expected)]:
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in expected and name in got:
                yield from _walk(expected[name], got[name], place, rules)
            elif _rule(place, rules) != IGNORE:
                yield Difference(place, _short(expected[name]) if name in expected else "", _short(got[name]) if name in got else "")
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            yield Difference(pointer, f"{len(expected)} entries", f"{len(got)} entries")
        for place, (one, other) in enumerate(zip(expected, got, strict=False)):
            yield from _walk(one, other, f"{pointer}/{place}", rules)
    elif not _equal(expected, got, rule):
        yield Difference(pointer, _short(expected), _short(got))


def _equal(expected: Any, got: Any, rule: Any) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool) or not isinstance(expected, int | float) or not isinstance(got, int | float):
        return type(expected) is type(got) and expected == got
    try:
        return math.isclose(expected, got, rel_tol=_share(rule), abs_tol=rule if isinstance(rule, int | float) else 0.0)
    except OverflowError:
        return expected == got


def _share(rule: Any) -> float:
    return float(rule[:-1]) / 100 if isinstance(rule, str) else USUAL


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
