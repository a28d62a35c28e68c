"""What would have made a failed build go on, found while its builder is still at hand.

A cure is a small document that is kept with the error: {"package", "to"} another name, {"package", "version"} a
version that was tried and fits, {"add"} a package that the scoring file imports, {"python"} another Python version.
`deployments.proposals` turns it into a change of the person's own file.
"""

from __future__ import annotations

import difflib
import re

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

import scoring
from deployments.builds.builders.base import Base, Builder, BuildFailed, Report
from registry.known_packages import COMMON, IMPORTED_AS
from registry.models import Manifest
from registry.runtimes import RUNTIMES

_MISSING = re.compile(r"No module named '([A-Za-z_][A-Za-z0-9_.]*)'")
_PIN = re.compile(r"\bpin ([A-Za-z0-9._-]+)==([0-9][\w.]*\w) in\b")
_PYTHON = re.compile(r"needs Python ([<>=!~0-9.,* ]+), and the image has")
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def for_resolving(error: BuildFailed, builder: Builder, base: Base, manifest: Manifest, requirements: str, report: Report) -> dict | None:
    """Called where versions could not be found. May ask the builder once or twice more; a failure of that is no news."""
    package = canonicalize_name(error.package or "")
    if not package or package in {canonicalize_name(Requirement(line).name) for line in scoring.requirements()}:
        return None
    if error.code == "NoSuchPackage":
        near = IMPORTED_AS.get(error.package) or next(iter(difflib.get_close_matches(package, COMMON, n=1, cutoff=0.75)), None)
        return {"package": package, "to": near} if near and canonicalize_name(near) != package else None
    report.line(f"Looking for a version of {package} that fits")
    for limit in _limits(error, package, requirements):
        try:
            lock = builder.resolve(base, _instead(requirements, package, limit), report)
        except BuildFailed:
            continue
        version = {canonicalize_name(name): version for name, version in _LOCKED.findall(lock)}.get(package)
        if version:
            report.line(f"{package} {version} fits")
            return {"package": package, "version": version}
    return _other_python(error, manifest)


def for_starting(message: str, manifest: Manifest) -> dict | None:
    """Called where the image was started and failed: what it imports and does not have, or had in another version."""
    if found := _PIN.search(message):
        return {"package": canonicalize_name(found[1]), "version": found[2]}
    found = _MISSING.search(message)
    if not found:
        return None
    module = found[1]
    name = IMPORTED_AS.get(module) or IMPORTED_AS.get(module.partition(".")[0]) or module.partition(".")[0]
    known = {canonicalize_name(one) for one in COMMON} | {canonicalize_name(one) for one in IMPORTED_AS.values()}
    installed = {canonicalize_name(Requirement(line).name) for line in manifest.requirements.splitlines()}
    own = {file.path.partition("/")[0].removesuffix(".py") for file in manifest.files.all()}
    package = canonicalize_name(name)
    if package not in known or package in installed or module.partition(".")[0] in own:
        return None
    return {"add": package}


def line_in(message: str, path: str) -> int | None:
    """The line of the scoring file that a message of the runtime names."""
    found = re.search(rf"\b{re.escape(path)} line (\d+)", message) or re.search(rf'{re.escape(path)}", line (\d+)', message)
    return int(found[1]) if found else None


def _limits(error: BuildFailed, package: str, requirements: str) -> list[str]:
    """From near to far: the newest before what was asked for, then any."""
    asked = next(
        (Requirement(line).specifier for line in requirements.splitlines() if canonicalize_name(Requirement(line).name) == package), ""
    )
    pins = [part.version for part in asked or () if part.operator in ("==", ">=", "~=") and not part.version.endswith(".*")]
    return [*(f"<{version}" for version in pins), ""]


def _instead(requirements: str, package: str, limit: str) -> str:
    """The same lines with another limit for one package."""
    lines = []
    for line in requirements.splitlines():
        one = Requirement(line)
        if canonicalize_name(one.name) == package:
            extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
            line = f"{package}{extras}{limit}" + (f" ; {one.marker}" if one.marker else "")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _other_python(error: BuildFailed, manifest: Manifest) -> dict | None:
    found = _PYTHON.search(error.message) if error.code == "PythonVersion" else None
    runtime = RUNTIMES.get(manifest.runtime)
    if not found or runtime is None:
        return None
    try:
        needed = SpecifierSet(found[1].strip().rstrip(","))
    except InvalidSpecifier:
        return None
    # A patch version nobody reaches, so that ">=3.12" and "<3.13" are both judged by the minor version.
    fits = [version for version in runtime.pythons if needed.contains(f"{version}.99")]
    return {"python": fits[0]} if fits else None
