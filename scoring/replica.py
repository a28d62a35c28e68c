"""Serve a bundle until told to stop, or start it once and say how that went."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Dict

from . import collect, explain, forking, inputs, logs, outputs, shims, spark_session, verdict
from .app import App
from .bundle import Bundle, Settings
from .errors import DriverFailed, RequestError
from .serving import say, serve, tell_failure
from .workers import FAILED

LARGEST_SAMPLE_RESULT = 64 * 1024


def prepare(bundle: Bundle) -> None:
    """Make this process look as score files expect: working directory, import path, names, line-wise output."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    os.chdir(bundle.app)
    sys.path.insert(0, str(bundle.app))
    os.environ.setdefault("AZUREML_MODEL_DIR", str(bundle.app))
    os.environ.setdefault("AML_APP_ROOT", str(bundle.app))
    collect.configure(bundle.models)
    shims.install()
    spark_session.settle()


def load(app: App) -> float:
    """Load score.py and call init(); seconds taken. Raises DriverFailed."""
    started = time.perf_counter()
    explain.watch_versions()
    if app.bundle.schema is not None:
        inputs.warm(app.bundle.schema)
    app.documents.load()
    if app.bundle.runtime == spark_session.RUNTIME:
        spark_session.start()
    app.driver.load()
    if app.schema is not None and app.schema is not app.bundle.schema:
        inputs.warm(app.schema)
    app.driver.init()
    app.packages = {name: version for name, version in _packages().items() if name.lower().replace("_", "-") in MAIN}
    return time.perf_counter() - started


def probe(bundle: Bundle, settings: Settings) -> int:
    """Load, init() and, when there is a sample, run(). The last line on stdout is `MODELPORT-PROBE {json}`."""
    prepare(bundle)
    app, result, details = App(bundle, settings), None, {"python": platform.python_version()}
    ok, message = True, ""
    try:
        details["init_seconds"] = round(load(app), 3)  # type: ignore[assignment]
        details["documents"] = app.documents.told()  # type: ignore[assignment]
        say(f"init() took {details['init_seconds']} s.")
        sample = app.schema.sample() if app.schema is not None else None
        if sample is not None:
            result = _try_sample(app, sample, details)
            message = "init() and run() with the schema's sample worked."
            details["batching"] = verdict.find(app.driver)  # type: ignore[assignment]
            say(f"Putting requests together: {details['batching']['verdict']}. {details['batching']['reason']}")  # type: ignore[index]
        else:
            message = "init() worked; there is no sample to call run() with."
    except DriverFailed as error:
        ok, message = False, error.message
        tell_failure(error)
    details["packages"] = _packages()  # type: ignore[assignment]
    details["notes"] = explain.version_notes()  # type: ignore[assignment]
    for note in explain.version_notes() if ok else []:
        say(note)
    say(message)
    document = {"ok": ok, "message": message, "sample_result": result, "details": details}
    sys.stderr.flush()
    sys.stdout.flush()
    say("MODELPORT-PROBE " + json.dumps(document))
    return 0 if ok else FAILED


def _try_sample(app: App, sample: Any, details: Dict[str, Any]) -> Any:
    assert app.schema is not None
    try:
        values = inputs.check(app.schema, json.dumps(sample).encode("ascii"))
    except RequestError as error:
        raise DriverFailed(f"The schema's own sample does not fit the schema: {error.message}") from None
    started = time.perf_counter()
    try:
        body = outputs.encode(app.calls.call(values))
    except (Exception, SystemExit) as error:
        raise explain.failed(error, app.bundle.app, "run() failed with the schema's sample") from None
    details["run_seconds"] = round(time.perf_counter() - started, 4)
    return json.loads(body) if len(body) <= LARGEST_SAMPLE_RESULT else None


#: what people ask for first when an answer is not what it was
MAIN = {
    *("numpy", "pandas", "scipy", "scikit-learn", "joblib", "xgboost", "lightgbm", "catboost", "statsmodels", "onnxruntime", "torch"),
    *("tensorflow", "keras", "pyspark", "transformers", "pyarrow", "polars", "inference-schema", "mlflow"),
}


def _packages() -> Dict[str, str]:
    found = {}
    for each in metadata.distributions():
        name = each.metadata["Name"] if each.metadata else None
        if name:
            found[name] = each.version
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def main(arguments: Any) -> int:
    """What launch.py and `python -m scoring` call with their parsed arguments."""
    origin = forking.Origin()
    if getattr(arguments, "workers", None):
        os.environ["MODELPORT_WORKERS"] = arguments.workers
    if getattr(arguments, "debug", False):
        os.environ["MODELPORT_DEBUG"] = "on"
    try:
        settings = Settings.from_environment()
        bundle = Bundle.from_file(Path(arguments.bundle)) if arguments.bundle else Bundle.from_folder(Path(arguments.folder))
    except DriverFailed as error:
        tell_failure(error)
        if arguments.verb == "probe":
            say("MODELPORT-PROBE " + json.dumps({"ok": False, "message": error.message, "sample_result": None, "details": {}}))
        return FAILED
    if arguments.verb == "probe":
        return probe(bundle, settings)
    logs.install(settings.log or ("json" if arguments.bundle else "text"))

    def start(app: App) -> float:
        prepare(bundle)
        return load(app)

    return serve(bundle, settings, arguments.unix or (arguments.host, arguments.port), start, origin)
