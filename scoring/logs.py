"""What the process says: JSON, a line each, with the request that run() is working on; or plain text, on a laptop.

`print()`, the logging module and warnings all end here. What a library writes past Python to file descriptors 1 and 2
goes out as it is.
"""

from __future__ import annotations

import contextvars
import io
import json
import logging
import os
import sys
import threading
from datetime import datetime, timezone
from typing import Any, Dict, Sequence

#: a longer line is cut in pieces
LONGEST = 16 * 1024
#: requests named on a line that was printed while run() worked on several
MOST_NAMED = 20

#: the requests that run() is working on
current: "contextvars.ContextVar[Sequence[Any]]" = contextvars.ContextVar("modelport_requests", default=())


def about() -> Dict[str, Any]:
    """What a line tells of the requests that it belongs to."""
    requests = current.get()
    if not requests:
        return {}
    if len(requests) > 1:
        return {"requestIds": [each.request_id for each in requests[:MOST_NAMED]]}
    headers = requests[0].headers
    found = {"requestId": requests[0].request_id}
    parts = headers.get("traceparent", "").split("-")
    if len(parts) >= 4 and len(parts[1]) == 32:  # W3C Trace Context: version, trace, span, flags
        found["traceId"] = parts[1]
    if "x-ms-client-request-id" in headers:
        found["clientRequestId"] = headers["x-ms-client-request-id"][:100]
    return found


def line(level: str, message: str, logger: str = "", **more: Any) -> bytes:
    stamp = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document = {"timestamp": stamp, "level": level, **({"logger": logger} if logger else {}), **about(), "message": message, **more}
    return json.dumps(document).encode("ascii") + b"\n"


def _write(fd: int, raw: bytes) -> None:
    """Past Python's buffers: nothing is lost when the process is left at once, and short lines of several processes do not mix."""
    while raw:
        try:
            raw = raw[os.write(fd, raw) :]
        except BlockingIOError:
            continue
        except OSError:  # nobody reads any more
            return


class Lines(io.TextIOBase):
    """Stands for sys.stdout or sys.stderr: whole lines become JSON. Each thread has its own unfinished line."""

    def __init__(self, stream: Any, level: str):
        super().__init__()
        self._stream, self._level, self._unfinished = stream, level, threading.local()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def buffer(self) -> Any:
        """For bytes, which go out as they are."""
        return self._stream.buffer

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        *whole, rest = (getattr(self._unfinished, "text", "") + text).split("\n")
        while len(rest) > LONGEST:
            whole.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        self._unfinished.text = rest
        for each in whole:
            # A progress bar draws its line again and again: the last state is the line.
            each = each.rstrip("\r").rpartition("\r")[2]
            for start in range(0, max(len(each), 1), LONGEST):
                _write(self.fileno(), line(self._level, each[start : start + LONGEST]))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


class Handler(logging.Handler):
    """The root logger's: JSON with the traceback in the same line."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            more = {}
            if record.exc_info and record.exc_info[0] is not None:
                more["exc_info"] = logging.Formatter().formatException(record.exc_info)
            _write(2, line(record.levelname, record.getMessage(), record.name, **more))
        except Exception:
            self.handleError(record)


_json = False


def install(form: str) -> None:
    """`form` is "json" or "text". Once, before user code; its own logging.basicConfig() then changes nothing, as on the original."""
    global _json
    _json = form == "json"
    handler: logging.Handler
    if _json:
        sys.stdout, sys.stderr = Lines(sys.stdout, "INFO"), Lines(sys.stderr, "ERROR")  # type: ignore[assignment]
        handler = Handler()
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)


def failure(message: str, traceback: str, *, last: bool = False) -> None:
    """Something went wrong: in one line with its traceback, or as text, where the message may come last."""
    if _json:
        _write(2, line("ERROR", message, **({"exc_info": traceback} if traceback else {})))
        return
    parts = [message + "\n", traceback]
    print("".join(reversed(parts) if last else parts), end="", file=sys.stderr, flush=True)
