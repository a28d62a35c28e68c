"""Small changes of a dependency file as its owner would make them: one line, everything else as it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from registry.known_packages import SAME_NAME
from registry.requirements_files import line_of

_LINE = re.compile(
    r"""(?P<lead>\s*(?:-\s+)?["']?(?:[A-Za-z0-9_.-]+::)?)      # indentation, a list's dash, a quote, a channel
        (?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)
        (?P<extras>\s*\[[^\]]*\])?
        (?P<version>\s*[=<>!~][^;\#"']*?)?
        (?P<rest>\s*["']?(?:\s*;[^\#]*)?(?:\s*\#.*)?)$""",
    re.VERBOSE,
)
_SAME = {canonicalize_name(name) for name in SAME_NAME}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a file: `number` counts from 1; `old` is None for a line that is new."""

    number: int
    old: str | None
    new: str
    text: str


def rename(text: str, package: str, to: str) -> Change | None:
    return _edit(text, package, lambda line, conda: f"{line['lead']}{to}{line['extras'] or ''}{line['version'] or ''}{line['rest']}")


def pin(text: str, package: str, version: str) -> Change | None:
    """Exactly this version: `==` in pip's spelling, `=` in conda's."""

    def edit(line: dict, conda: bool) -> str:
        return f"{line['lead']}{line['name']}{line['extras'] or ''}{'=' if conda else '=='}{version}{line['rest']}"

    return _edit(text, package, edit)


def choose_python(text: str, version: str) -> Change | None:
    """The `python=` line of a conda file."""
    return _edit(text, "python", lambda line, conda: f"{line['lead']}python={version}{line['rest']}")


def add(text: str, package: str, *, conda: bool) -> Change | None:
    """A line for one package more, behind the last one."""
    lines = text.split("\n")
    if not conda:
        kept = lines if lines[-1] else lines[:-1]
        return Change(len(kept) + 1, None, package, "\n".join([*kept, package]) + "\n")
    pip = next((number for number, line in enumerate(lines) if re.fullmatch(r"\s*-\s+pip:\s*(#.*)?", line)), None)
    if pip is None and canonicalize_name(package) not in _SAME:
        return None
    last = _last_entry(lines, pip)
    if last is None:
        return None
    indent = re.match(r"\s*", lines[last])[0]
    new = f"{indent}- {package}"
    lines.insert(last + 1, new)
    return Change(last + 2, None, new, "\n".join(lines))


def _last_entry(lines: list[str], pip: int | None) -> int | None:
    """The last line of the `pip:` list, or of the conda packages before it."""
    if pip is not None:
        depth = len(re.match(r"\s*", lines[pip])[0])
        entries = []
        for number in range(pip + 1, len(lines)):
            if lines[number].strip() and len(re.match(r"\s*", lines[number])[0]) <= depth:
                break
            if lines[number].lstrip().startswith("- "):
                entries.append(number)
        return entries[-1] if entries else None
    start = next((number for number, line in enumerate(lines) if line.startswith("dependencies:")), None)
    if start is None:
        return None
    entries = []
    for number in range(start + 1, len(lines)):
        if lines[number].strip() and not re.match(r"\s*(-|#)", lines[number]):
            break
        if lines[number].lstrip().startswith("- "):
            entries.append(number)
    return entries[-1] if entries else None


def _edit(text: str, package: str, edit) -> Change | None:
    number = line_of(text.encode(), package)
    if number is None:
        return None
    lines = text.split("\n")
    old = lines[number - 1].rstrip("\r")
    found = _LINE.match(old)
    if not found:
        return None
    new = edit(found.groupdict(), _is_conda(lines, number - 1))
    if new == old:
        return None
    lines[number - 1] = new + ("\r" if lines[number - 1].endswith("\r") else "")
    return Change(number, old, new, "\n".join(lines))


def _is_conda(lines: list[str], at: int) -> bool:
    """An entry of a conda file's own list, not of its `pip:` list, and not a line of a requirements.txt."""
    if not lines[at].lstrip().startswith("- "):
        return False
    depth = len(re.match(r"\s*", lines[at])[0])
    for line in reversed(lines[:at]):
        if line.strip() and len(re.match(r"\s*", line)[0]) < depth:
            return not re.match(r"\s*-\s+pip:", line)
    return True
