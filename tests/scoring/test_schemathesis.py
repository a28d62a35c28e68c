"""Every check of schemathesis against a live service and the document it serves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scoring import schema
from tests.scoring.conftest import ROOT, clean_environment

ECHO = "def init(): pass\ndef run({arguments}):\n    return {{'ok': True}}\n"
STRICT = {
    "df": schema.Pandas([("small", "int8"), ("size", "float32"), ("flag", "bool"), ("word", "text"), ("any", "object")], [{"size": None}]),
    "m": schema.Numpy("int64", (2, 2)),
    "name": schema.Standard("str"),
    "more": schema.Standard("dict"),
}


def check(replica, tmp_path):
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"http://127.0.0.1:{replica.port}/openapi.json"]
    command += ["--checks", "all", "--max-examples", "40", "--seed", "1", "--workers", "1", "--generation-database", "none"]
    environment = clean_environment(
        HOME=str(tmp_path),
        PATH=os.environ["PATH"],
        PYTHONPATH=str(ROOT),
        SCHEMATHESIS_HOOKS="tests.scoring.bodies_for_schemathesis",
        SCHEMATHESIS_DOCUMENT=command[2],
    )
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_the_iris_example(iris, tmp_path):
    check(iris, tmp_path)


@pytest.mark.parametrize("types", [STRICT, None])
def test_other_schemas(start, folder, tmp_path, types):
    arguments = ", ".join(types) if types else "body"
    check(start(folder(ECHO.format(arguments=arguments), schema.Schema(types).to_json() if types else None)), tmp_path)
