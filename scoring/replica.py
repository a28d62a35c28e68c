"""Serve a bundle until told to stop, or start it once and say how that went."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Union

from . import collect, explain, inputs, outputs, shims, spark_session, verdict
from .app import App
from .bundle import Bundle, Settings
from .errors import DriverFailed, RequestError
from .server import Server

#: the exit code for "the user's files cannot be served"
FAILED = 3
LARGEST_SAMPLE_RESULT = 64 * 1024


def say(text: str) -> None:
    print(text, flush=True)


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


def tell_failure(error: DriverFailed) -> None:
    if error.traceback:
        print(error.traceback, end="", file=sys.stderr)
    print(error.message, file=sys.stderr, flush=True)


def serve(bundle: Bundle, settings: Settings, listen: Union[tuple, str]) -> int:
    """Blocks; the exit code. The user's code runs in this, the main, thread."""

    def report(error: BaseException, request_id: str) -> None:
        print(f"The scoring runtime failed for request {request_id}: {error!r}", file=sys.stderr, flush=True)

    app = App(bundle, settings)
    server = Server(app, listen, report)

    def on_drained() -> None:
        app.state = "stopped"
        app.worker.stop()
        if collect.spool.waiting:
            say(f"{collect.spool.waiting} collected rows are lost: nobody came for them.")
        # A run() that ignores the end of the grace time, or an init() still loading, does not keep the process.
        server.loop.call_later(0.5, leave, 0)

    def leave(code: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def drain() -> None:
        if not server.draining:
            say("Stopping: finishing the requests in flight.")
            app.state = "stopping"
        server.drain()

    server.on_drained = on_drained
    try:
        server.start()
    except OSError as error:
        print(f"Cannot listen on {listen if isinstance(listen, str) else '%s:%d' % listen}: {error.strerror or error}.", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.call_soon(drain))
    _wake(server, drain)
    prepare(bundle)
    try:
        seconds = load(app)
    except DriverFailed as error:
        app.state = "failed"
        server.unlink()
        tell_failure(error)
        return FAILED
    if app.state == "starting":
        say(app.calls.choose_batching())
        app.state = "ready"
        say(f"Ready after {seconds:.1f} s: {settings.service or bundle.app.name} on {server.address}")
    app.worker.run_forever(lambda done: server.call_soon(app.finish, done))
    return 0


def _wake(server: Server, drain: Any) -> None:
    """A signal is noticed by the loop's thread at once, even while user code keeps the main thread in C."""
    import socket

    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)

    def arrived() -> None:
        try:
            numbers = ours.recv(64)
        except OSError:
            return
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            drain()

    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    server.call_soon(server.loop.add_reader, ours, arrived)
    server.wake_sockets = (ours, theirs)  # type: ignore[attr-defined]


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
    return serve(bundle, settings, arguments.unix or (arguments.host, arguments.port))
