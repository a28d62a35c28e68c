"""The texts that are marked for translation, and the catalogues that translate them.

`python manage.py languages` brings locale/*/LC_MESSAGES/django.po up to date with the sources; the installation
compiles them. Babel reads and writes them, so no tool of GNU gettext is needed.
"""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

#: folders whose texts people see
SOURCES = ("portal", "registry", "deployments", "frontend")
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "gettext_noop": None,
    "told": None,
}
#: what a file calls the marks itself: gettext_lazy as _lazy
_ALIAS = re.compile(r"\bgettext(?:_lazy)? as (\w+)")
_PLACE = re.compile(r"%\(\w+\)|%[sd]")


def marked() -> Catalog:
    """Every marked text of Python files and templates, with the files it stands in."""
    catalog = Catalog(charset="utf-8")
    for folder in SOURCES:
        for path in sorted((settings.ROOT / folder).rglob("*")):
            if path.suffix not in (".py", ".html") or "node_modules" in path.parts or "migrations" in path.parts:
                continue
            text = path.read_text()
            if path.suffix == ".html":
                # Django turns a template into the calls that its tags are; whatever is no call becomes padding.
                # In brackets, because its lines are indented as the template's were.
                text = f"({templatize(text, origin=str(path))})"
            keywords = {**KEYWORDS, **dict.fromkeys(_ALIAS.findall(text))}
            for _line, message, _comments, context in extract("python", BytesIO(text.encode()), keywords=keywords):
                # The file is enough: with line numbers a catalogue would change with every edit.
                catalog.add(message, locations=[(str(path.relative_to(settings.ROOT)), None)], context=context)
    for message in catalog:
        # Babel takes "5% or" for a place of a value; places of ours have names, or are a plain %s.
        if not _PLACE.search(str(message.id)):
            message.flags.discard("python-format")
    return catalog


def catalogues() -> dict[str, Path]:
    """Language -> its file."""
    return {path.parts[-3]: path for path in sorted((settings.ROOT / "locale").glob("*/LC_MESSAGES/django.po"))}


def read(path: Path, language: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def missing(language: str, path: Path) -> list[str]:
    """Marked texts that the catalogue does not translate."""
    kept = read(path, language)
    found = []
    for message in marked():
        if not message.id:
            continue
        key = message.id[0] if isinstance(message.id, tuple) else message.id
        have = kept.get(key, message.context)
        words = have.string if have is not None else ""
        if have is None or have.fuzzy or not (all(words) if isinstance(words, tuple | list) else words):
            found.append(key)
    return found


def write(path: Path, catalog: Catalog) -> None:
    """Sorted and without line numbers or dates, so that only what changed differs."""
    out = BytesIO()
    write_po(out, catalog, width=130, sort_output=True, include_lineno=False)
    dull = ("POT-Creation-Date", "PO-Revision-Date", "Report-Msgid", "Last-Translator", "Language-Team", "Generated-By")
    lines = [line for line in out.getvalue().decode().splitlines(True) if not line.startswith(tuple(f'"{word}' for word in dull))]
    path.write_text("".join(lines))


def update(language: str, path: Path) -> None:
    """New texts come in untranslated, those that are gone go."""
    kept = read(path, language)
    kept.update(marked(), no_fuzzy_matching=True)
    kept.obsolete.clear()
    write(path, kept)
