"""Reading what a probe printed: its log while it runs, its verdict from the last line."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable

from deployments.builds.builders.base import Probe
from deployments.lines import Lines, memory_text

MARK = "MODELPORT-PROBE "


class ProbeReader:
    """Feed it both streams; the verdict is believed only as the last line of standard output."""

    def __init__(self, line: Callable[[str], None]):
        self._line, self._held, self._tail = line, b"", deque(maxlen=30)
        self._stderr = Lines(self._tell)
        self._stdout = Lines(self._tell)
        self.stderr = self._stderr.feed

    def _tell(self, text: str) -> None:
        self._tail.append(text)
        self._line(text)

    def stdout(self, data: bytes) -> None:
        # The last line is held back until another follows: the verdict is for us, not for the log.
        lines = (self._held + data).split(b"\n")
        while len(lines) > 2 or (len(lines) == 2 and lines[-1]):
            self._stdout.feed(lines.pop(0) + b"\n")
        self._held = b"\n".join(lines)
        if len(self._held) > 4 << 20:
            self._stdout.feed(self._held)
            self._held = b""

    def result(self, *, code: int, timed_out: float | None = None, out_of_memory: int | None = None) -> Probe:
        verdict = self._verdict()
        self._stdout.close()
        self._stderr.close()
        if out_of_memory is not None:
            return Probe(False, f"It needed more than {memory_text(out_of_memory)} of memory when it was started: give it more.")
        if timed_out is not None:
            return Probe(False, f"It was not ready after {timed_out:.0f} seconds: init() or run() takes too long.\n{self._last()}".strip())
        if verdict is None:
            return Probe(False, f"It ended with exit code {code} before it said that it works.\n{self._last()}".strip())
        ok = verdict.get("ok") is True and code == 0
        details = verdict.get("details")
        message = str(verdict.get("message") or "") or ("" if ok else self._last())
        return Probe(ok, message, verdict.get("sample_result"), details if isinstance(details, dict) else {})

    def _verdict(self) -> dict | None:
        last = self._held.rstrip(b"\n").decode("utf-8", "replace")
        if last.startswith(MARK):
            try:
                value = json.loads(last[len(MARK) :])
            except ValueError:
                value = None
            if isinstance(value, dict):
                return value
        if last:
            self._stdout.feed(self._held)
        return None

    def _last(self) -> str:
        return "\n".join(self._tail)
