"""One virtual environment per server in a cache folder, and the Iris model that all of them serve.

Every environment has the same releases of Python, numpy, pandas and scikit-learn, so
that only the servers differ.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = Path(__file__).resolve().parent / "apps"
COMMON = ("numpy==2.4.6", "pandas==3.1.1", "scikit-learn==1.9.1", "joblib==1.6.0")
UVICORN = ("uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0")

PACKAGES: dict[str, tuple[str, ...]] = {
    "bare": (*UVICORN, "orjson==3.13.0"),
    "ours": ("httptools==0.9.0", "msgspec==0.22.0", "uvloop==0.23.0"),
    "fastapi": (*UVICORN, "fastapi==0.165.0", "pydantic==2.14.3"),
    "azureml": ("azureml-inference-server-http==1.5.1", "inference-schema[numpy-support,pandas-support]==1.8"),
    "mlflow": ("mlflow==3.17.2", "fastapi", *UVICORN),
    "mlserver": ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop<0.22"),  # with 0.22 its workers end at once
    "bentoml": ("bentoml==1.4.39",),
    "litserve": ("litserve==0.2.19",),
}


def cache() -> Path:
    """Where environments and the model are kept between runs."""
    given = os.environ.get("MODELPORT_BENCH_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelport-bench"


def python_of(name: str) -> Path:
    return cache() / name / "bin" / "python"


def prepare(name: str) -> str:
    """Make the environment unless it is there; why it cannot be made, or ""."""
    folder, wanted = cache() / name, "\n".join((sys.version, *COMMON, *PACKAGES[name]))
    mark = folder / "installed.txt"
    if mark.exists() and mark.read_text() == wanted:
        return ""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    print(f"Making the environment {name} ...", flush=True)
    commands = (
        [uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python_of(name)), *COMMON, *PACKAGES[name]],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["uv failed"])[-1][:300]
    mark.write_text(wanted)
    return ""


def model_folder() -> Path:
    return cache() / "model"


def make_model(environment: str = "bare") -> None:
    """Train once; the model, the bodies and the right answers lie in `model_folder()`."""
    folder = model_folder()
    if not (folder / "expected_1000.json").exists():
        _python(environment, "train.py", str(folder))
    if (folder / "expected_1000.json").exists() and python_of("mlflow").exists() and not (folder / "mlflow" / "MLmodel").exists():
        _python("mlflow", "train.py", str(folder), "--mlflow")


def _python(environment: str, script: str, *arguments: str) -> None:
    done = subprocess.run([str(python_of(environment)), str(APPS / script), *arguments], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"{script} failed:\n{done.stderr[-2000:]}")


def records(rows: int) -> list[dict]:
    return json.loads((model_folder() / f"records_{rows}.json").read_text())


def expected(rows: int) -> list:
    return json.loads((model_folder() / f"expected_{rows}.json").read_text())
