"""Output of other people's code on its way into logs and pages: whole lines, printable, bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from deployments.steplog import COLOUR

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


def clean(text: str, *, colours: bool = False) -> str:
    """One printable line: control characters, escape sequences and broken surrogates do not reach logs or pages.

    With `colours`, those that only colour the text stay; who shows it takes care of them (deployments.steplog).
    """
    if colours and "\x1b" in text:
        pieces = COLOUR.split(text)
        kept = [*COLOUR.findall(text), ""]
        return "".join(clean(f"{piece}|")[:-1] + colour for piece, colour in zip(pieces, kept, strict=True)).rstrip()
    return "".join(c if c == "\t" or c.isprintable() else " " for c in text).rstrip()


def message_of(text: str) -> str:
    """What a line of a replica's log says: the message of a JSON line with its traceback, else the line itself."""
    if not text.startswith("{"):
        return text
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(said, dict) or not isinstance(said.get("message"), str):
        return text
    parts = [said["message"], said.get("exc_info")]
    return "\n".join(part for part in parts if isinstance(part, str)).rstrip()


def without_credentials(text: str) -> str:
    """`https://user:password@index/` -> `https://index/`."""
    return _CREDENTIALS.sub("", text)


def memory_text(size: int) -> str:
    return f"{size / (1 << 30):g} GiB" if size >= 1 << 30 and size % (1 << 28) == 0 else f"{size // (1 << 20)} MiB"


class Lines:
    """Bytes in, whole clean lines out; long lines are cut in pieces, and a flood is counted instead of passed on."""

    LONGEST = 4_000

    def __init__(self, out: Callable[[str], None], *, limit: int = 5 << 20, colours: bool = False):
        self._out, self._left, self._rest, self.dropped, self._colours = out, limit, b"", 0, colours

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._emit(line)
        while len(self._rest) > self.LONGEST:
            self._emit(self._rest[: self.LONGEST])
            self._rest = self._rest[self.LONGEST :]

    def close(self) -> None:
        if self._rest:
            self._emit(self._rest)
            self._rest = b""
        if self.dropped:
            self._out(f"[{self.dropped} more lines were not kept: the log is full]")

    def _emit(self, raw: bytes) -> None:
        if self._left <= 0:
            self.dropped += 1
            return
        # A progress bar redraws its line with carriage returns: the last state is the line.
        raw = raw.rstrip(b"\r").rsplit(b"\r", 1)[-1]
        self._left -= len(raw) + 1
        text = clean(raw.decode("utf-8", "replace"), colours=self._colours)
        for start in range(0, max(len(text), 1), self.LONGEST):
            self._out(text[start : start + self.LONGEST])
