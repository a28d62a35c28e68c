"""What one request of one row is made of, and what the start costs beyond the user's packages. Lowest of several, in this machine's time."""

from __future__ import annotations

import json
import os
import subprocess
import time

from .environments import ROOT, model_folder, python_of

STARTS = 5
IMPORTS = "import joblib, pandas; m = joblib.load('model.joblib'); m.predict(pandas.DataFrame([dict.fromkeys(m.feature_names_in_, 1.0)]))"
STEPS = """
import json, os, pathlib, sys, time
sys.path.insert(0, {root!r})
from scoring import inputs, outputs, replica
from scoring.app import App
from scoring.bundle import Bundle, Settings

bundle = Bundle.from_folder(pathlib.Path('.'))
app = App(bundle, Settings())
replica.prepare(bundle)
replica.load(app)
body = json.dumps({{"data": json.loads(pathlib.Path({records!r}).read_text())}}).encode()
best = [1.0] * 4
for _ in range(1000):
    marks = [time.perf_counter()]
    values = inputs.check(app.schema, body); marks.append(time.perf_counter())
    given = inputs.build(app.schema, values); marks.append(time.perf_counter())
    result = app.driver.run(**given); marks.append(time.perf_counter())
    outputs.encode(result); marks.append(time.perf_counter())
    best = [min(old, after - before) for old, before, after in zip(best, marks, marks[1:])]
print(json.dumps(dict(zip(("check", "build", "run", "encode"), (each * 1e6 for each in best)))))
"""


def _run(code: str) -> str:
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [str(python_of("ours")), "-c", code]
    done = subprocess.run(command, cwd=model_folder() / "ours", env=environ, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return done.stdout


def steps() -> dict[str, float]:
    """Microseconds of each step and of the `whole` request inside the server."""
    code = STEPS.format(root=str(ROOT), records=str(model_folder() / "records_1.json"))
    found = json.loads(_run(code).splitlines()[-1])
    return {**found, "whole": sum(found.values())}


def seconds_of_packages() -> float:
    """A bare Python that imports what score.py does, loads the model and predicts once: the least that a start can take."""
    taken = []
    for _ in range(STARTS):
        started = time.perf_counter()
        _run(IMPORTS)
        taken.append(time.perf_counter() - started)
    return min(taken)
