"""What the contract tests need besides the contracts: a report, and a bundle that honours the launcher's contract."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.builds.builders.base import Bundle, BundleFile, Cancelled

LAUNCHER = (Path(__file__).parent / "launcher" / "launch.py").read_bytes()


class TestReport:
    """Keeps the lines; `cancel()` behaves as a person pressing Cancel on another thread."""

    __test__ = False

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._cancelled, self._lock, self._acts = threading.Event(), threading.RLock(), []
        self.on_line: Callable[[str], None] = lambda text: None

    def line(self, text: str) -> None:
        self.lines.append(text)
        self.on_line(text)

    def check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    @contextmanager
    def on_cancel(self, act: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._acts.append(act)
            cancelled = self._cancelled.is_set()
        try:
            if cancelled:
                act()
            yield
        except Exception:
            self.check_cancelled()
            raise
        finally:
            with self._lock:
                self._acts.remove(act)
        self.check_cancelled()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled.set()
            acts = list(self._acts)
        for act in acts:
            act()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def file_of(path: str, content: bytes | str) -> BundleFile:
    data = content.encode() if isinstance(content, str) else content
    return BundleFile(path, len(data), lambda: io.BytesIO(data))


def make_bundle(score: str, **files: bytes | str) -> Bundle:
    """A bundle with this score.py; `files` are further files of `app/`, `__` in a keyword standing for a dot."""
    content = {"app/score.py": score.encode(), "opt/modelport/launch.py": LAUNCHER}
    content |= {"app/" + name.replace("__", "."): data.encode() if isinstance(data, str) else data for name, data in files.items()}
    return bundle_of(content)


def bundle_of(content: dict[str, bytes]) -> Bundle:
    listing = "".join(f"{path}\0{hashlib.sha256(data).hexdigest()}\n" for path, data in sorted(content.items()))
    digest = "sha256:" + hashlib.sha256(listing.encode()).hexdigest()
    about = {"format": 1, "digest": digest, "manifest": "test:1", "models": [], "driver": "score.py", "schema": None}
    about |= {"runtime": "python", "python": "3.11", "app": "../../app"}
    files = [file_of(path, data) for path, data in content.items()]
    return Bundle(digest, (*files, file_of("opt/modelport/bundle.json", json.dumps(about))))


def until(condition: Callable[[], object], seconds: float):
    """The first true value of `condition`, or a failure after `seconds`."""
    end, value, error = time.monotonic() + seconds, None, None
    while time.monotonic() < end:
        try:
            if value := condition():
                return value
        except OSError as failed:
            error = failed
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s (last: {value!r}, {error!r})")


class _UnixConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def call(address: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
    """Ask a replica at the address a target gave; POST when there is a body."""
    if address.startswith("unix@"):
        connection: http.client.HTTPConnection = _UnixConnection("localhost", timeout=30)
        connection.host = address.removeprefix("unix@")
    else:
        connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("POST" if body is not None else "GET", path, body, {"Host": "replica", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


class HangingIndex:
    """A package index that takes connections and never answers; `asked` is set by the first."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._listener = socket.create_server(("0.0.0.0", 0))
        self._listener.settimeout(0.1)
        self.port = self._listener.getsockname()[1]
        self._open, self._done = [], threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> HangingIndex:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join(5)
        for connection in [*self._open, self._listener]:
            connection.close()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                self._open.append(self._listener.accept()[0])
                self.asked.set()
            except TimeoutError:
                continue
