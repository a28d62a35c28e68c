"""A real server in a process of its own, driven over sockets; score files and the original's schema files as data."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import scoring
from scoring import schema as schemas

ROOT = Path(scoring.__file__).resolve().parent.parent
WAIT = 60

#: the classic Iris schema of the original, as it was written by the original's own package (pickle protocol 3)
IRIS_SCHEMA = (
    '{"input": {"input_df": {"internal": "gANjYXp1cmVtbC5hcGkuc2NoZW1hLnBhbmRhc1V0aWwKUGFuZGFzU2NoZW1hCnEAKYFxAX1xAihYBQAAAHNo'
    "YXBlcQNLAUsEhnEEWAwAAABjb2x1bW5fdHlwZXNxBV1xBihjbnVtcHkKZHR5cGUKcQdYAgAAAGY4cQhLAEsBh3EJUnEKKEsDWAEAAAA8cQtOTk5K/////0r/"
    "////SwB0cQxiaApoCmgKZVgMAAAAY29sdW1uX25hbWVzcQ1dcQ4oWAwAAABzZXBhbCBsZW5ndGhxD1gLAAAAc2VwYWwgd2lkdGhxEFgMAAAAcGV0YWwgbGVu"
    'Z3RocRFYCwAAAHBldGFsIHdpZHRocRJlWAoAAABzY2hlbWFfbWFwcRN9cRQoaBJoCmgRaApoEGgKaA9oCnV1Yi4=", "type": 3, "swagger": {"example":'
    ' [{"petal width": 0.25, "petal length": 1.3, "sepal width": 3.6, "sepal length": 3.0}], "type": "array", "items": {"properties":'
    ' {"petal width": {"format": "double", "type": "number"}, "petal length": {"format": "double", "type": "number"}, "sepal width":'
    ' {"format": "double", "type": "number"}, "sepal length": {"format": "double", "type": "number"}}, "type": "object"}}}}}'
)
TEXT_SCHEMA = (
    '{"input": {"doc_text": {"internal": "gANjYXp1cmVtbC5hcGkuc2NoZW1hLnB5dGhvblV0aWwKUHl0aG9uU2NoZW1hCnEAKYFxAX1xAlgJAAAAZGF0YV90eX'
    'BlcQNjYnVpbHRpbnMKc3RyCnEEc2Iu", "swagger": {"type": "string", "example": "SUVs are very popular"}, "type": 0}}}'
)
IRIS_BODY = {"input_df": [{"sepal length": 3.0, "sepal width": 3.6, "petal width": 1.3, "petal length": 0.25}]}

#: the original documentation's example, with its two collectors
IRIS_SCORE = """
from sklearn.externals import joblib
from azureml.datacollector import ModelDataCollector


def init():
    global model, inputs_dc, prediction_dc
    model = joblib.load("model.pkl")
    inputs_dc = ModelDataCollector("model.pkl", identifier="inputs")
    prediction_dc = ModelDataCollector("model.pkl", identifier="prediction")


def run(input_df):
    inputs_dc.collect(input_df)
    prediction = model.predict(input_df)
    prediction_dc.collect(prediction)
    print("scored", len(input_df))
    return prediction
"""


@pytest.fixture(scope="session")
def iris_folder(tmp_path_factory):
    """score.py, service_schema.json and model.pkl of the Iris example."""
    joblib = pytest.importorskip("joblib")
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("iris")
    data = load_iris(as_frame=True)
    frame = data.data.set_axis(["sepal length", "sepal width", "petal length", "petal width"], axis=1)
    joblib.dump(
        LogisticRegression(max_iter=500).fit(frame, [f"Iris-{data.target_names[each]}" for each in data.target]), folder / "model.pkl"
    )
    (folder / "score.py").write_text(IRIS_SCORE)
    (folder / "service_schema.json").write_text(IRIS_SCHEMA)
    return folder


@pytest.fixture
def folder(tmp_path):
    """`folder(score="...", schema=...)` makes a folder to serve; other keywords are further files."""

    def make(score: str, schema=None, **files: str) -> Path:
        place = tmp_path / f"folder{len(list(tmp_path.iterdir()))}"
        place.mkdir()
        (place / "score.py").write_text(score)
        if schema is not None:
            (place / "service_schema.json").write_text(schema if isinstance(schema, str) else json.dumps(schema))
        for name, text in files.items():
            (place / f"{name}.py").write_text(text)
        return place

    return make


@pytest.fixture
def bundle(tmp_path):
    """`bundle(folder)` lays it out as an image does and returns launch.py's path."""

    def make(source: Path) -> Path:
        root = tmp_path / f"bundle{len(list(tmp_path.iterdir()))}"
        for inside, path in scoring.runtime_files():
            target = root / "opt/modelport" / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        shutil.copytree(source, root / "app")
        written = source / "service_schema.json"
        document = {
            "format": 1,
            "digest": "sha256:0123",
            "manifest": "iris:3",
            "models": [],
            "driver": "score.py",
            "schema": schemas.read(written.read_bytes()).to_json() if written.exists() else None,
            "runtime": "python",
            "python": "3.11",
            "app": "../../app",
        }
        (root / "opt/modelport/bundle.json").write_text(json.dumps(document))
        return root / "opt/modelport/launch.py"

    return make


def clean_environment(**extra: str) -> dict:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELPORT_", "AML_", "SERVICE_", "AZUREML_"))}
    return {**kept, "PYTHONPATH": "", "OMP_NUM_THREADS": "1", **extra}


def run_python(*arguments, cwd=ROOT, **environment) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=clean_environment(**environment), capture_output=True, text=True, timeout=WAIT)


class Replica:
    """A running server; `lines` is what it has printed."""

    def __init__(self, command, environment, unix=None, cwd=ROOT):
        self.unix, self.port, self.lines = unix, 0, []
        self.process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, text, seconds=WAIT):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if text in line:
                    return line
            if self.process.poll() is not None:
                self._reader.join(2)
                if not any(text in line for line in self.lines):
                    raise AssertionError("\n".join([f"exit {self.process.returncode} before {text!r}", *self.lines]))
            time.sleep(0.02)
        raise AssertionError("\n".join([f"no {text!r}", *self.lines]))

    def ready(self):
        line = self.wait_for("Ready after")
        if self.unix is None:
            self.port = int(re.findall(r":(\d+)\b", line)[-1])
        return self

    def connect(self, timeout=30.0) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX if self.unix else socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(self.unix or ("127.0.0.1", self.port))
        return sock

    def call(self, method, path, body=None, headers=None, timeout=30.0):
        """(status, headers with lower-case names, body bytes) on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", timeout=timeout)
        connection.sock = self.connect(timeout)
        try:
            if isinstance(body, (dict, list)):
                body, headers = json.dumps(body), {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def score(self, body, **headers):
        return self.call("POST", "/score", body, {name.replace("_", "-"): value for name, value in headers.items()})

    def raw(self, data: bytes, timeout=15.0) -> bytes:
        """Send bytes, read until the server hangs up."""
        with self.connect(timeout) as sock:
            try:
                sock.sendall(data)
            except OSError:
                pass
            out = b""
            while True:
                try:
                    part = sock.recv(65536)
                except ConnectionResetError:
                    return out
                if not part:
                    return out
                out += part

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds=20.0) -> int:
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def start():
    """`start(folder)` serves it with `python -m scoring`; `start(launch_py)` as an image does. All are ended after the session."""
    running = []

    def begin(target: Path, *, unix=None, ready=True, arguments=(), **environment: str) -> Replica:
        listen = ["--unix", str(unix)] if unix else ["--port", "0"]
        if Path(target).is_dir():
            command = [sys.executable, "-m", "scoring", str(target), *listen, *arguments]
        else:
            command = [sys.executable, str(target), "serve", *listen, *arguments]
        replica = Replica(command, clean_environment(**environment), unix=str(unix) if unix else None)
        running.append(replica)
        return replica.ready() if ready else replica

    yield begin
    for replica in running:
        replica.close()


@pytest.fixture(scope="session")
def iris(start, iris_folder):
    """The Iris example, served from its folder without a secret."""
    return start(iris_folder, MODELPORT_SERVICE="demo/iris", MODELPORT_MAX_BODY_BYTES="300000", MODELPORT_PATIENCE="0.05")
