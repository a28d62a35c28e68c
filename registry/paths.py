"""The grammar of relative paths: what a file may be called in a model, a manifest or an upload set."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MOST_BYTES, MOST_LEVELS, MOST_NAME_BYTES = 512, 20, 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
#: names that Windows cannot hold, with or without an ending; people download there too
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def clean_path(path: str) -> str:
    """`path` in normal form (NFC); raises ValidationError with the reason when it cannot be a relative path."""
    try:
        path = unicodedata.normalize("NFC", path)
        size = len(path.encode())
    except UnicodeEncodeError:
        raise ValidationError(_("The path holds characters that are not text.")) from None
    if not path:
        raise ValidationError(_("The file has no name."))
    if size > MOST_BYTES:
        raise ValidationError(
            _("The path is longer than %(most_bytes)s bytes: %(path)s...") % {"most_bytes": MOST_BYTES, "path": path[:60]}
        )
    if _CONTROL.search(path):
        raise ValidationError(_("The path holds control characters. Rename the file."))
    if "\\" in path:
        raise ValidationError(_("%(path)r: separate folders with /, not with a backslash.") % {"path": path})
    if path.startswith(("/", "~")):
        raise ValidationError(_("%(path)r: paths are relative; leave out the leading %(first)s.") % {"path": path, "first": path[0]})
    parts = path.split("/")
    if len(parts) > MOST_LEVELS:
        raise ValidationError(
            _("The path has more than %(most_levels)s levels: %(path)s...") % {"most_levels": MOST_LEVELS, "path": path[:60]}
        )
    for part in parts:
        if part in ("", ".", ".."):
            raise ValidationError(_("%(path)r: a path may not contain empty parts, . or ..") % {"path": path})
        if len(part.encode()) > MOST_NAME_BYTES:
            raise ValidationError(
                _("A name in the path is longer than %(most_name_bytes)s bytes: %(part)s...")
                % {"most_name_bytes": MOST_NAME_BYTES, "part": part[:60]}
            )
        if _RESERVED.fullmatch(part) or part != part.strip(" ") or part.endswith("."):
            raise ValidationError(_("%(path)r: %(part)r cannot be a file name on every system. Rename it.") % {"path": path, "part": part})
    return path


def collisions(files: Iterable[tuple[str, str]]) -> list[str]:
    """Sentences about files (path, who brings it or "") that cannot lie side by side.

    That is: the same path, the same but for upper and lower case, or a file where a folder is.
    """
    found: list[str] = []
    seen: dict[str, tuple[str, str]] = {}
    for path, owner in files:
        folded = path.casefold()
        if folded not in seen:
            seen[folded] = (path, owner)
            continue
        other, other_owner = seen[folded]
        by = _(" (%(one)s and %(other)s)") % {"one": other_owner, "other": owner} if owner else ""
        if other == path:
            found.append(_("Two files have the path %(path)s%(by)s. Rename one of them.") % {"path": path, "by": by})
        else:
            words = _("%(other)s and %(path)s differ only in upper and lower case%(by)s. Rename one of them.")
            found.append(words % {"other": other, "path": path, "by": by})
    for folded, (path, _owner) in seen.items():
        parts = folded.split("/")
        for depth in range(1, len(parts)):
            if (blocking := seen.get("/".join(parts[:depth]))) is not None:
                found.append(_("%(file)s is a file, so %(path)s cannot lie below it.") % {"file": blocking[0], "path": path})
    return found
