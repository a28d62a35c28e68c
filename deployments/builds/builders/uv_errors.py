"""What uv says when it gives up, in one sentence: whose fault, which package, what to do."""

from __future__ import annotations

import difflib
import re

from deployments.builds.builders.base import BuildFailed
from deployments.lines import without_credentials
from portal.errors import Unavailable
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
        return Unavailable("The build machine", "no disk space left", code="InsufficientStorage", status=507)
    if _OURS.search(text) and (not reason or "could not be queried" in reason):
        return Unavailable("The package index", _first_error(output))
    if not reason:
        return BuildFailed(f"{doing} failed: {_first_error(output)}", code="InstallFailed")
    return _unsatisfiable(reason)


def _unsatisfiable(reason: str) -> BuildFailed:
    if found := _NOT_FOUND.search(reason):
        name = found[1]
        near = difflib.get_close_matches(name.lower(), COMMON, n=1, cutoff=0.75)
        guess = f" Did you mean `{near[0]}`?" if near and near[0] != name.lower() else " Check its spelling."
        return BuildFailed(f"There is no package called `{name}`.{guess}", code="NoSuchPackage", package=name)
    if found := _PYTHON.search(reason):
        package = _DEPENDS.search(reason)
        name, what = (package[1], f"`{package[1]}{package[2] or ''}`") if package else ("", "One of the packages")
        message = (
            f"{what} needs {found[2].replace('Python', 'Python ')}, and the image has {found[1]}: choose another version of one of them."
        )
        return BuildFailed(message, code="PythonVersion", package=name)
    if found := _NO_WHEEL.search(reason):
        what = f"`{found[1]}{found[2] or ''}`"
        message = (
            f"{what} has no wheel for this Python version and platform, and source packages are not built: choose a version that has one."
        )
        return BuildFailed(message, code="NoWheel", package=found[1])
    if (found := _NO_VERSION.search(reason)) and found[2]:
        name, wanted = found[1], found[2].rstrip(",.")
        return BuildFailed(f"There is no version of `{name}` that is `{wanted}`.", code="NoSuchVersion", package=name)
    cut = re.sub(r"^\W*when resolving dependencies\W*(?:cause:)?\W*|hint:.*$", "", reason).strip()
    first = re.search(rf"you require {_NAME}", cut)
    message = f"These requirements cannot hold together: {cut[:600]}"
    return BuildFailed(message, code="Conflict", package=first[1] if first else "")


def _first_error(output: str) -> str:
    """The first `error:` line with its last cause, which is the one that says what really happened."""
    lines = [without_credentials(line.strip()) for line in output.splitlines() if line.strip()]
    start = next((i for i, line in enumerate(lines) if line.startswith("error:")), max(len(lines) - 1, 0))
    causes = [line for line in lines[start + 1 :] if line.startswith(("cause:", "Caused by:"))]
    first = lines[start].removeprefix("error:").strip() if lines else "nothing was said"
    return first + (f" ({causes[-1].partition(':')[2].strip()})" if causes else "")
