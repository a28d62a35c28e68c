"""The change that is proposed for a build that failed: one line of the person's own file, or another Python version."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.models import Operation
from registry import patching
from registry.models import ManifestFile
from registry.requirements_files import RequirementsError, parse_conda, parse_pip
from registry.storage import open_asset

PIP, CONDA = ManifestFile.Role.PIP, ManifestFile.Role.CONDA
NEW_FILE = "requirements.txt"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`why` is one sentence; `text` replaces the dependency file, `python` the manifest's version, None leaves each as it is."""

    why: str
    file: str = ""
    kind: str = PIP
    before: str = ""
    text: str | None = None
    python: str | None = None

    def diff(self) -> list[tuple[str, str]]:
        """(" ", "-" or "+", line) of the changed place with what is around it."""
        if self.text is None:
            return []
        rows = difflib.unified_diff(self.before.splitlines(), self.text.splitlines(), lineterm="", n=2)
        return [(row[:1], row[1:]) for row in rows if not row.startswith(("---", "+++", "@@"))]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Where to look: lines of a file of the manifest as (number, text), `line` among them."""

    file: str
    line: int
    lines: list[tuple[int, str]]


def may_have_one(operation: Operation) -> bool:
    """Whether `proposal_for` will read the manifest's files; a list fetches those of all its rows before."""
    failed_build = operation.state == Operation.State.FAILED and operation.kind == Operation.Kind.IMAGE
    return bool(failed_build and operation.manifest_id and (operation.error or {}).get("cure"))


def proposal_for(operation: Operation) -> Proposal | None:
    """None when nothing is known that would help, or what was built is gone."""
    if not may_have_one(operation):
        return None
    cure, manifest = operation.error["cure"], operation.manifest
    file = manifest.file(PIP) or manifest.file(CONDA)
    conda = file is not None and file.role == CONDA
    text = _read(file) if file else ""
    if "python" in cure:
        why = _("Build it with Python %(version)s.") % {"version": cure["python"]}
        change = patching.choose_python(text, cure["python"]) if conda else None
        if change is None:
            return Proposal(why, python=cure["python"])
        return Proposal(why, file.path, CONDA, text, change.text, cure["python"])
    if "add" in cure:
        why = _("The scoring file imports a package that is not asked for: add %(package)s.") % {"package": cure["add"]}
        change = patching.add(text, cure["add"], conda=conda)
    elif "to" in cure:
        why = _("Write %(to)s instead of %(package)s.") % cure
        change = patching.rename(text, cure["package"], cure["to"])
    else:
        why = _("Take %(package)s %(version)s, which was found to fit.") % cure
        change = patching.pin(text, cure["package"], cure["version"])
    if change is None or not _is_read(change.text, conda):
        return None
    return Proposal(why, file.path if file else NEW_FILE, CONDA if conda else PIP, text, change.text)


def excerpt_of(operation: Operation, around: int = 2) -> Excerpt | None:
    """The line that an error names, with what is around it."""
    error = operation.error or {}
    if not error.get("line") or operation.manifest is None:
        return None
    file = next((one for one in operation.manifest.files.select_related("asset") if one.path == error.get("file")), None)
    if file is None or file.asset.size > 2**18:
        return None
    lines, line = _read(file).splitlines(), error["line"]
    first = max(1, line - around)
    shown = [(number, text[:300]) for number, text in enumerate(lines[first - 1 : line + around], first)]
    return Excerpt(file.path, line, shown) if any(number == line for number, _text in shown) else None


def _read(file: ManifestFile) -> str:
    with open_asset(file.asset) as opened:
        return opened.read().decode("utf-8", "replace")


def _is_read(text: str, conda: bool) -> bool:
    try:
        (parse_conda if conda else parse_pip)(text.encode())
    except RequirementsError:
        return False
    return True
