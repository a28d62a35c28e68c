"""The parts that the portal and a notebook use need nothing installed."""

from __future__ import annotations

import json
import subprocess
import sys

from scoring import requirements, runtime_files
from tests.scoring.conftest import IRIS_SCHEMA, ROOT

PROGRAM = """
import sys, json
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"numpy", "pandas", "joblib", "httptools", "uvloop", "pyspark", "django"} | set(sys.argv[1].split()):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import scoring
from scoring import schema, driver, swagger
found = schema.read(sys.stdin.buffer.read())
swagger.openapi_3(found, title="t", version="1")
info = driver.inspect_source(b"def init(): pass\\ndef run(input_df): pass")
assert driver.check_arguments(info, found) == []
if not sys.argv[1]:
    from scoring import inputs, outputs
    outputs.encode(inputs.check(found, json.dumps(found.sample()).encode()))
"""


def run(blocked):
    return subprocess.run([sys.executable, "-c", PROGRAM, blocked], input=IRIS_SCHEMA.encode(), cwd=ROOT, capture_output=True, timeout=60)


def test_pure_parts_need_no_other_package():
    for blocked in ("msgspec", ""):
        done = run(blocked)
        assert done.returncode == 0, done.stderr.decode()


def test_what_goes_into_an_image():
    files = dict(runtime_files())
    assert {"launch.py", "scoring/__init__.py", "scoring/replica.py", "scoring/shims/__init__.py", "scoring/requirements.txt"} <= set(files)
    assert all(path.is_file() for path in files.values())
    assert not any("test" in name or "__pycache__" in name for name in files)
    assert sorted(each.split(">=")[0] for each in requirements()) == ["httptools", "msgspec", "uvloop"]
    assert json.dumps(sorted(files))
