"""Sentences that are written now and read later, by people of any language.

A worker knows nobody's language. What it says is English to logs, files and programs; kept with its parts, it can be
said again in the language of whoever looks at a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext


class Told(str):
    """An English sentence that remembers how it was made. `kept` is its JSON form."""

    kept: dict

    def __reduce__(self):
        return _remade, (str(self), self.kept)


def _remade(english: str, kept: dict) -> Told:
    made = Told(english)
    made.kept = kept
    return made


def told(text: str, **values: object) -> Told:
    """`text` is marked for translation by this call; it has places such as `%(name)s`. A value may be `told` itself."""
    values = {name: value if isinstance(value, Told) else str(value) for name, value in values.items()}
    return _remade(text % values, {"text": text, "values": {name: kept(value) for name, value in values.items()}})


def together(*sentences: str, between: str = " ") -> Told:
    """Sentences one after the other; empty ones are left out."""
    said = [each for each in sentences if each]
    return _remade(between.join(said), {"parts": [kept(each) for each in said], "between": between})


def one_of(names: Sequence[str]) -> str:
    """`3.11`, `3.11 or 3.12`, `3.10, 3.11 or 3.12`."""
    *others, last = names
    return told("%(others)s or %(last)s", others=", ".join(others), last=last) if others else last


def kept(sentence: str) -> dict | str:
    """What goes into a JSONField; what was not `told` stays as it is."""
    return sentence.kept if isinstance(sentence, Told) else str(sentence)


def in_words(sentence: str | Mapping | None) -> str:
    """A sentence, or its kept form, in the language that is active. Of a text that this release does not know, its English."""
    if isinstance(sentence, Told):
        sentence = sentence.kept
    if not isinstance(sentence, Mapping):
        return str(sentence or "")
    if "parts" in sentence:
        return sentence["between"].join(in_words(part) for part in sentence["parts"])
    text, values = sentence["text"], sentence["values"]
    return gettext(text) % {name: in_words(value) for name, value in values.items()}
