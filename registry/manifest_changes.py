"""Two manifests side by side: what differs, and nothing else."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from registry.models import Manifest, ManifestFile
from registry.storage import read_asset

#: texts up to this size are compared line by line, and so many lines of difference are told
MOST_BYTES, MOST_LINES = 256 * 2**10, 2000


@dataclass(frozen=True, slots=True)
class TextChange:
    """`lines` is a unified diff without its two head lines; empty when a side is too large or no text."""

    path: str
    change: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class ManifestChanges:
    #: (what, before, after)
    facts: list[tuple[str, str, str]] = field(default_factory=list)
    texts: list[TextChange] = field(default_factory=list)


def compare_manifests(before: Manifest, after: Manifest) -> ManifestChanges:
    old, new = _facts(before), _facts(after)
    facts = [(what, old[what], new[what]) for what in old if old[what] != new[what]]
    left, right = _files(before), _files(after)
    texts = []
    for key in sorted({*left, *right}):
        one, other = left.get(key), right.get(key)
        if one is not None and other is not None and one.asset_id == other.asset_id and one.path == other.path:
            continue
        change = "added" if one is None else "removed" if other is None else "changed"
        texts.append(TextChange((other or one).path, change, _diff(_text(one), _text(other))))
    return ManifestChanges(facts, texts)


def _facts(manifest: Manifest) -> dict[str, str]:
    models = ", ".join(str(use.version) for use in manifest.uses.select_related("version__model"))
    return {"models": models, "runtime": manifest.runtime, "python": manifest.python, "description": manifest.description}


def _files(manifest: Manifest) -> dict[str, ManifestFile]:
    """By what they are for, extra files by their path: a scoring file that was renamed is still the scoring file."""
    rows = manifest.files.select_related("asset")
    return {f"file:{row.path}" if row.role == ManifestFile.Role.FILE else _purpose(row.role): row for row in rows}


def _purpose(role: str) -> str:
    return "dependencies" if role in (ManifestFile.Role.PIP, ManifestFile.Role.CONDA) else role


def _text(file: ManifestFile | None) -> str | None:
    """None when it is not compared by lines."""
    if file is None:
        return ""
    if file.asset.size > MOST_BYTES:
        return None
    try:
        return read_asset(file.asset).decode()
    except UnicodeDecodeError:
        return None


def _diff(before: str | None, after: str | None) -> list[str]:
    if before is None or after is None:
        return []
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2 : MOST_LINES + 2]
