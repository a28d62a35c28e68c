"""Who is measured: how each server is started, where it is asked, and how the rows are wrapped for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from .environments import APPS, ROOT, cache, model_folder, python_of

#: every ratio is to this one, measured next to the others in the same round
REFERENCE = "bare"
OURS = ("ours", "ours-alone")


def plain(records: list[dict]) -> str:
    return json.dumps(records)


def data(records: list[dict]) -> str:
    return json.dumps({"data": records})


def mlflow(records: list[dict]) -> str:
    return json.dumps({"dataframe_records": records})


def tensors(records: list[dict]) -> str:
    inputs = [{"name": name, "shape": [len(records), 1], "datatype": "FP64", "data": [row[name] for row in records]} for name in records[0]]
    return json.dumps({"parameters": {"content_type": "pd"}, "inputs": inputs})


@dataclass(frozen=True)
class Peer:
    """`command` and the values of `environ` may hold {port}, {port2}, {port3} and {workers}."""

    name: str
    environment: str
    command: tuple[str, ...]
    path: str
    body: Callable[[list[dict]], str] = data
    environ: dict[str, str] = field(default_factory=dict)
    cwd: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """What the process is given besides the command."""
        bin_folder = str(python_of(self.environment).parent)
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "PATH": bin_folder + os.pathsep + os.environ["PATH"],
            "MODEL_DIR": str(model_folder()),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_HOME": str(cache() / "bentoml-home"),
            "DO_NOT_TRACK": "1",
            **self.environ,
        }


def _script(environment: str, name: str) -> str:
    return str(python_of(environment).parent / name)


def _uvicorn(environment: str, app: str, *more: str) -> tuple[str, ...]:
    start = (_script(environment, "uvicorn"), "--app-dir", str(APPS), "--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}")
    return (*start, *more, app)


def _azureml(app: str) -> tuple[str, ...]:
    entry = str(APPS / app / "score.py")
    start = (_script("azureml", "azmlinfsrv"), "--entry_script", entry, "--model_dir", str(model_folder()))
    return (*start, "--port", "{port}", "--worker_count", "{workers}")


_PORTS = {
    "MLSERVER_HOST": "127.0.0.1",
    "MLSERVER_HTTP_PORT": "{port}",
    "MLSERVER_GRPC_PORT": "{port2}",
    "MLSERVER_METRICS_PORT": "{port3}",
    "MLSERVER_PARALLEL_WORKERS": "{workers}",
}
_BENTOML = (_script("bentoml", "bentoml"), "serve", "service:Iris", "--host", "127.0.0.1", "--port", "{port}")
_MLFLOW = ("models", "serve", "-m", str(model_folder() / "mlflow"), "--env-manager", "local", "--host", "127.0.0.1", "--port", "{port}")
_LITSERVE = (str(python_of("litserve")), str(APPS / "litserve_app.py"), "{port}", "{workers}")
_OURS = (str(python_of("ours")), "-m", "scoring", str(model_folder() / "ours"), "--port", "{port}", "--workers", "{workers}")


def _mlserver(name: str, folder: str) -> Peer:
    command = (_script("mlserver", "mlserver"), "start", str(model_folder() / folder))
    return Peer(name, "mlserver", command, "/v2/models/iris/infer", tensors, {**_PORTS, "MLSERVER_METRICS_DIR": str(cache())})


def _bentoml(name: str, **environ: str) -> Peer:
    return Peer(name, "bentoml", _BENTOML, "/predict", environ={"BENCH_WORKERS": "{workers}", **environ}, cwd=str(APPS / "bentoml_service"))


PEERS = {
    each.name: each
    for each in (
        Peer(
            "bare",
            "bare",
            _uvicorn("bare", "bare:app", "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"),
            "/",
            plain,
        ),
        Peer("ours", "ours", _OURS, "/score", environ={"MODELPORT_BATCHING": "on"}, cwd=str(ROOT)),
        Peer("ours-alone", "ours", _OURS, "/score", environ={"MODELPORT_BATCHING": "off"}, cwd=str(ROOT)),
        Peer("mlflow", "mlflow", (_script("mlflow", "mlflow"), *_MLFLOW, "--workers", "{workers}"), "/invocations", mlflow),
        _bentoml("bentoml"),
        _bentoml("bentoml-batching", BENCH_BATCHING="1"),
        Peer("azureml", "azureml", _azureml("azureml_plain"), "/score"),
        Peer("azureml-schema", "azureml", _azureml("azureml_schema"), "/score"),
        _mlserver("mlserver", "mlserver"),
        _mlserver("mlserver-batching", "mlserver_batching"),
        Peer("litserve", "litserve", _LITSERVE, "/predict"),
        Peer("litserve-batching", "litserve", (*_LITSERVE, "batching"), "/predict"),
        Peer("fastapi", "fastapi", _uvicorn("fastapi", "fastapi_app:app"), "/predict", plain),
        Peer("fastapi-async", "fastapi", _uvicorn("fastapi", "fastapi_app:app"), "/predict_async", plain),
    )
}
