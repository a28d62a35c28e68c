"""The Pythons of this machine, for images that are folders."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deployments.targets.process_sandbox import reachable

_ABOUT = (
    "import json, platform, ssl, sys, sysconfig, zlib\n"
    "print(json.dumps([platform.python_version(), sysconfig.get_config_var('SOABI'), sysconfig.get_platform(), platform.machine(), sys.base_prefix]))"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`digest` changes with the version, the build or the place of the interpreter."""

    path: Path
    version: str
    digest: str
    platform: str


@functools.lru_cache(maxsize=32)
def find(python: str) -> Interpreter | None:
    """An interpreter of version "3.11" that works. As root one that other users can reach is preferred: code then runs as another user."""
    found = [about for about in map(_about, _candidates(python)) if about and about.version.startswith(python + ".")]
    if os.geteuid() == 0:
        found.sort(key=lambda one: not reachable(one.path))
    return found[0] if found else None


def _candidates(python: str) -> list[Path]:
    paths = []
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        paths.append(Path(getattr(sys, "_base_executable", "") or sys.executable))
    name = f"python{python}"
    places = [shutil.which(name), f"/usr/local/bin/{name}", f"/usr/bin/{name}"]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    uv = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "uv/python"
    paths += [Path(place) for place in places if place]
    paths += sorted(pyenv.glob(f"{python}.*/bin/{name}"), reverse=True) + sorted(uv.glob(f"cpython-{python}.*/bin/{name}"), reverse=True)
    real = [path.resolve() for path in paths if path.is_file()]
    return list(dict.fromkeys(real))


def _about(path: Path) -> Interpreter | None:
    try:
        done = subprocess.run([str(path), "-I", "-c", _ABOUT], capture_output=True, timeout=20, check=True, env={"PATH": os.defpath})
        facts = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    digest = hashlib.sha256(json.dumps([str(path), *facts]).encode()).hexdigest()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(facts[3], facts[3])
    return Interpreter(path, facts[0], f"sha256:{digest}", f"linux/{machine}")
