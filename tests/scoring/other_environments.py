"""Programs of others that do not fit beside the portal's packages: each in a virtual environment of its own, made once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

#: environments lie beside the one that runs the tests, so that what removes it removes them
HOME = Path(sys.prefix) / "others"
PEER = ("azureml-inference-server-http==1.5.1", "inference-schema==1.8", "numpy==2.4.6", "pandas==2.3.3")
CLIENTS = ("openapi-python-client==0.29.1", "tritonclient[http]==2.73.0", "numpy==2.4.6", "ruff")


@cache
def python_with(requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment that has these; the test is skipped where they cannot be had."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:  # test processes side by side make it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made(requirements)


def _made(requirements: tuple[str, ...]) -> Path:
    place = HOME / hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:16]
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        uv = Path(sys.executable).with_name("uv")
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, place],
            [uv, "pip", "install", "--quiet", "--python", python, *requirements],
        ):
            done = subprocess.run(
                list(map(str, command)), capture_output=True, text=True, timeout=280, env={**os.environ, "VIRTUAL_ENV": ""}
            )
            if done.returncode:
                pytest.skip(f"{requirements[0]} cannot be installed: {done.stderr[-500:]}")
        (place / "complete").touch()
    return python
