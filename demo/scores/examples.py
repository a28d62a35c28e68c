"""The example score files: what each folder here holds, and how its model is made.

<name>/example.toml    what it is, and what its service needs (the fields of `Example`)
<name>/train.py        writes the model, and request and answer where the folder has none, into the working directory
<name>/score.py        init() and run(); run as a program it writes service_schema.json, where there is a schema file;
                       a folder without it leaves score.py, schema and packages to the portal, which has the model alone
<name>/request.json    the body of a call
<name>/answer.json     what comes back
packages/<name>.txt    (or .yml, for conda) the packages, shared by examples so that their environment is built once
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import scoring
from registry.requirements_files import parse_conda, parse_pip
from registry.runtimes import RUNTIMES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: run by the training environment's Python: the names that score.py imports are found in the runtime, as in an image
WRITE_SCHEMA = "import runpy, scoring.shims; scoring.shims.install(); runpy.run_path('score.py', run_name='__main__')"
TRAINING_SECONDS = 600


@dataclass(frozen=True)
class Example:
    """One folder. `model` and `files` are names that train.py or the folder has; `path` is what is called behind the service's address."""

    name: str
    framework: str
    #: how run() is called, for the table
    mode: str
    packages: str = ""
    #: what only training needs, as words for pip
    train_with: tuple[str, ...] = ()
    model: str = ""
    files: tuple[str, ...] = ()
    schema: bool = False
    runtime: str = "python"
    memory: str = "512Mi"
    #: seconds a call may take
    timeout: int = 60
    path: str = "score"
    request: str = "request.json"
    content_type: str = "application/json"

    @property
    def folder(self) -> Path:
        return HERE / self.name

    @property
    def dependencies(self) -> Path | None:
        """The pip or conda file."""
        found = sorted((HERE / "packages").glob(f"{self.packages}.*")) if self.packages else []
        return found[0] if found else None

    def requirements(self) -> list[str]:
        """The packages as the portal reads them, which is also what training installs."""
        file, own = self.dependencies, RUNTIMES[self.runtime].requirements
        if file is None:
            return [*own]
        return [*(parse_conda if file.suffix == ".yml" else parse_pip)(file.read_bytes()).lines, *own]


def read(name: str) -> Example:
    """Raises SystemExit when there is no such example."""
    file = HERE / name / "example.toml"
    if not file.is_file():
        raise SystemExit(f"There is no example {name}. There are {', '.join(names())}.")
    words = tomllib.loads(file.read_text())
    return Example(name=name, **{key: tuple(value) if isinstance(value, list) else value for key, value in words.items()})


def names() -> list[str]:
    return sorted(file.parent.name for file in HERE.glob("*/example.toml"))


class Workshop:
    """Trains examples below `folder`, each set of packages in one virtual environment. `wheels` is a folder of wheels to look in first."""

    def __init__(self, folder: Path, wheels: Path | None = None):
        self.folder, self.wheels = folder, wheels

    def make(self, example: Example) -> Path:
        """The folder that holds all that is deployed: score.py, model, schema, other files, request. Raises RuntimeError with the last lines."""
        place = self.folder / example.name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(example.folder, place, ignore=shutil.ignore_patterns("__pycache__"))
        if example.dependencies:
            shutil.copy(example.dependencies, place / ("conda.yml" if example.dependencies.suffix == ".yml" else "requirements.txt"))
        if (place / "train.py").exists() or example.schema:
            python = self._environment(example)
            if (place / "train.py").exists():
                self._call([python, "train.py"], place)
            if example.schema:
                self._call([python, "-c", WRITE_SCHEMA], place)
        return place

    def _environment(self, example: Example) -> Path:
        """The Python of an environment with the example's packages, made once for all that have the same."""
        words = sorted({*example.requirements(), *example.train_with, *scoring.requirements()})
        folder = (
            self.folder / "environments" / "-".join([example.packages or "plain", *(word.partition("=")[0] for word in example.train_with)])
        )
        python = folder / "bin" / "python"
        if not python.exists():
            uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
            self._call([uv, "venv", "--quiet", "--python", sys.executable, folder], self.folder)
            find = ["--find-links", self.wheels] if self.wheels else []
            self._call([uv, "pip", "install", "--quiet", "--python", python, *find, *words], self.folder)
        return python

    def _call(self, command: list, folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELPORT_", "PYTHONDONTWRITE"))}
        environment = kept | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(self.folder / "compiled"), "SPARK_LOCAL_IP": "127.0.0.1"}
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TRAINING_SECONDS,
        )
        if done.returncode:
            lines = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
            raise RuntimeError(f"{Path(str(command[0])).name} {command[1]} ended with {done.returncode}:\n{lines}")


def same(found: object, expected: object, *, tolerance: float = 1e-3) -> bool:
    """Equal, where numbers may differ by a thousandth: other processors round differently."""
    if isinstance(expected, bool) or isinstance(found, bool) or expected is None:
        return found is expected
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(same(*pair, tolerance=tolerance) for pair in zip(found, expected, strict=True))
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key], tolerance=tolerance) for key in expected)
    return found == expected
