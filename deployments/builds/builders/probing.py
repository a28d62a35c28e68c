"""Reading what a probe printed: its log while it runs, its verdict from the last line."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable

from deployments.builds.builders.base import Probe
from deployments.lines import Lines, memory_text
from deployments.steplog import plain
from portal.told import together, told

MARK = "MODELPORT-PROBE "

#: a longer line without an end is no verdict
LONGEST_VERDICT = 4 << 20
#: a message is for a page and a row; an answer is kept so deep
LONGEST_MESSAGE, DEEPEST = 10_000, 50


def storable(value: object, depth: int = 0) -> object:
    """JSON that every database takes, for it was written by other people's code: no NaN, no null characters, no half characters."""
    if isinstance(value, str):
        return value.replace("\0", " ").encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | dict) and depth == DEEPEST:
        return None
    if isinstance(value, list):
        return [storable(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {storable(name): storable(each, depth + 1) for name, each in value.items()}
    return value


class ProbeReader:
    """Feed it both streams; the verdict is believed only as the last line of standard output."""

    def __init__(self, line: Callable[[str], None]):
        self._line, self._rest, self._held, self._tail = line, b"", b"", deque(maxlen=30)
        self._stderr = Lines(self._tell, colours=True)
        self._stdout = Lines(self._tell, colours=True)
        self.stderr = self._stderr.feed

    def _tell(self, text: str) -> None:
        self._tail.append(text)
        self._line(text)

    def stdout(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._let_go()
            if line.startswith(MARK.encode()):
                # Held back until another line follows: as the last one it is for us, not for the log.
                self._held = line
            else:
                self._stdout.feed(line + b"\n")
        if len(self._rest) > LONGEST_VERDICT:
            self._stdout.feed(self._rest)
            self._rest = b""

    def _let_go(self) -> None:
        if self._held:
            self._stdout.feed(self._held + b"\n")
            self._held = b""

    def result(self, *, code: int, timed_out: float | None = None, out_of_memory: int | None = None) -> Probe:
        verdict = self._verdict()
        self._stdout.close()
        self._stderr.close()
        if out_of_memory is not None:
            needed = memory_text(out_of_memory)
            return Probe(False, told("It needed more than %(memory)s of memory when it was started: give it more.", memory=needed))
        if timed_out is not None:
            late = told("It was not ready after %(seconds)s seconds: init() or run() takes too long.", seconds=f"{timed_out:.0f}")
            return Probe(False, together(late, self._last(), between="\n"))
        if verdict is None:
            ended = told("It ended with exit code %(code)s before it said that it works.", code=code)
            return Probe(False, together(ended, self._last(), between="\n"))
        ok = verdict.get("ok") is True and code == 0
        details = verdict.get("details")
        message = str(verdict.get("message") or "")[:LONGEST_MESSAGE] or ("" if ok else self._last())
        return Probe(ok, message, verdict.get("sample_result"), details if isinstance(details, dict) else {})

    def _verdict(self) -> dict | None:
        if self._rest:
            self.stdout(b"\n")
        try:
            value = json.loads(self._held[len(MARK) :]) if self._held else None
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return {name: storable(each) for name, each in value.items()}
        self._let_go()
        return None

    def _last(self) -> str:
        return "\n".join(plain(line) for line in self._tail)
