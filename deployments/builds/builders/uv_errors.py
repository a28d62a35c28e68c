"""What uv says when it gives up, or why it was given up, in one sentence: whose fault, which package, what to do."""

from __future__ import annotations

import difflib
import re

from deployments.builds.builders.base import BuildFailed
from deployments.lines import memory_text, without_credentials
from portal.errors import Unavailable
from portal.told import together, told
from registry.known_packages import COMMON

_NAME = r"`?([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[[^\]]*\])?"
_NOT_FOUND = re.compile(rf"{_NAME}`? was not found in the (?:package registry|provided package locations|cache)")
_NO_VERSION = re.compile(rf"(?:there (?:is|are) no versions? of|only the following versions of) {_NAME}`?([<>=!~][^\s]*)?", re.IGNORECASE)
_NO_WHEEL = re.compile(rf"(?:all versions of )?{_NAME}(==\S+)? ha(?:s|ve) no (?:usable )?wheels?")
_PYTHON = re.compile(r"(?:requested|current) Python version \(([^)]*)\) does not satisfy (Python\S+)")
_DEPENDS = re.compile(rf"{_NAME}(==\S+)? depends on Python")
_OURS = re.compile(
    r"failed to fetch|error sending request|request failed after|dns error|connection (?:refused|reset)|timed out|invalid peer certificate"
    r"|\b(?:401 Unauthorized|403 Forbidden|5\d\d (?:Internal|Bad|Service|Gateway))|hash mismatch|could not be queried|Failed to (?:download|extract)",
    re.IGNORECASE,
)


def explain(output: str, *, doing: str) -> BuildFailed | Unavailable:
    """The exception for uv's standard error. A missing package is the user's, an index that does not answer is ours."""
    text = without_credentials(" ".join(output.split()))
    _, _, reason = text.partition("No solution found")
    if "no space left on device" in text.lower():
        return Unavailable(told("The build machine"), told("no disk space left"), code="InsufficientStorage", status=507)
    if _OURS.search(text) and (not reason or "could not be queried" in reason):
        return Unavailable(told("The package index"), _first_error(output))
    if not reason:
        return BuildFailed(told("%(doing)s failed: %(error)s", doing=doing, error=_first_error(output)), code="InstallFailed")
    return _unsatisfiable(reason)


def took_too_long(doing: str, seconds: float) -> BuildFailed:
    message = told(
        "%(doing)s took longer than %(seconds)s seconds: ask for fewer or more exact versions.", doing=doing, seconds=f"{seconds:.0f}"
    )
    return BuildFailed(message, code="TimedOut")


def out_of_memory(doing: str, memory: int) -> BuildFailed:
    return BuildFailed(
        told("%(doing)s needed more than %(memory)s of memory.", doing=doing, memory=memory_text(memory)), code="OutOfMemory"
    )


def _unsatisfiable(reason: str) -> BuildFailed:
    if found := _NOT_FOUND.search(reason):
        name = found[1]
        near = difflib.get_close_matches(name.lower(), COMMON, n=1, cutoff=0.75)
        guess = told("Did you mean `%(name)s`?", name=near[0]) if near and near[0] != name.lower() else told("Check its spelling.")
        message = together(told("There is no package called `%(name)s`.", name=name), guess)
        return BuildFailed(message, code="NoSuchPackage", package=name)
    if found := _PYTHON.search(reason):
        package = _DEPENDS.search(reason)
        name, what = (package[1], f"`{package[1]}{package[2] or ''}`") if package else ("", told("One of the packages"))
        message = told(
            "%(package)s needs %(python)s, and the image has %(other)s: choose another version of one of them.",
            package=what,
            python=found[2].replace("Python", "Python "),
            other=found[1],
        )
        return BuildFailed(message, code="PythonVersion", package=name)
    if found := _NO_WHEEL.search(reason):
        message = told(
            "%(package)s has no wheel for this Python version and platform, and source packages are not built: choose a version that has one.",
            package=f"`{found[1]}{found[2] or ''}`",
        )
        return BuildFailed(message, code="NoWheel", package=found[1])
    if (found := _NO_VERSION.search(reason)) and found[2]:
        name, wanted = found[1], found[2].rstrip(",.")
        message = told("There is no version of `%(name)s` that is `%(wanted)s`.", name=name, wanted=wanted)
        return BuildFailed(message, code="NoSuchVersion", package=name)
    cut = re.sub(r"^\W*when resolving dependencies\W*(?:cause:)?\W*|hint:.*$", "", reason).strip()
    first = re.search(rf"you require {_NAME}", cut)
    message = told("These requirements cannot hold together: %(why)s", why=cut[:600])
    return BuildFailed(message, code="Conflict", package=first[1] if first else "")


def _first_error(output: str) -> str:
    """The first `error:` line with its last cause, which is the one that says what really happened."""
    lines = [without_credentials(line.strip()) for line in output.splitlines() if line.strip()]
    start = next((i for i, line in enumerate(lines) if line.startswith("error:")), max(len(lines) - 1, 0))
    causes = [line for line in lines[start + 1 :] if line.startswith(("cause:", "Caused by:"))]
    first = lines[start].removeprefix("error:").strip() if lines else "nothing was said"
    return first + (f" ({causes[-1].partition(':')[2].strip()})" if causes else "")
