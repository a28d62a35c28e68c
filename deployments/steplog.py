"""The text file of a step's log: one line each, `<UTC time> <text>`; of escape sequences only colours are kept.

Lines of logs that were written before times were kept have no time; everything here reads both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

CHUNK = 2**18
#: what a terminal calls "select graphic rendition": colours and weights, nothing that moves or asks
COLOUR = re.compile(r"\x1b\[[0-9;]{0,40}m")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ")


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of one file in a row: `first` counts from 1, `total` is how many there are, `end` the byte behind the last whole one."""

    first: int
    lines: list[str]
    total: int
    end: int


def stamped(text: str, now: datetime) -> bytes:
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z {text}\n".encode(errors="replace")


def parts(line: str) -> tuple[str, str]:
    """(time, text); the time is empty in an old log."""
    found = _STAMP.match(line)
    return (found[1], line[found.end() :]) if found else ("", line)


def plain(line: str) -> str:
    """The text alone: no time, no colours."""
    return COLOUR.sub("", parts(line)[1])


def decoded(data: bytes) -> list[str]:
    """Whole lines. Only a line feed ends one: other signs that Python would break at stand inside."""
    return data.decode(errors="replace").removesuffix("\n").split("\n") if data else []


def count(path: Path, upto: int | None = None) -> int:
    """How many lines end before byte `upto`, or in the whole file."""
    if not path.exists():
        return 0
    found, left = 0, upto if upto is not None else path.stat().st_size
    with path.open("rb") as file:
        while left > 0 and (data := file.read(min(CHUNK, left))):
            found += data.count(b"\n")
            left -= len(data)
    return found


def tail(path: Path, most: int) -> Part:
    """The last whole lines."""
    if not path.exists():
        return Part(1, [], 0, 0)
    with path.open("rb") as file:
        size = begin = path.stat().st_size
        data = b""
        while begin > 0 and data.count(b"\n") <= most + 1:
            step = min(CHUNK, begin)
            begin -= step
            file.seek(begin)
            data = file.read(step) + data
    whole = data.rfind(b"\n") + 1
    end = size - len(data) + whole
    lines = decoded(data[:whole])[-most:]
    total = count(path, end)
    return Part(total - len(lines) + 1, lines, total, end)


def window(path: Path, first: int, most: int) -> Part:
    """Up to `most` lines from line `first` on; `end` is of the whole file."""
    first = max(1, first)
    total = count(path)
    if not total:
        return Part(1, [], 0, 0)
    with path.open("rb") as file:
        data = b"".join(islice(file, first - 1, min(first - 1 + most, total)))
    return Part(first, decoded(data), total, path.stat().st_size)


def find(path: Path, text: str) -> Iterator[int]:
    """The numbers of the lines that hold the text, whatever its case."""
    if not path.exists():
        return
    wanted = text.lower()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if wanted in plain(line.decode(errors="replace")).lower():
                yield number


def text_of(path: Path) -> Iterator[bytes]:
    """The whole log without times and colours, in pieces of many lines: for downloads and for REST."""
    if not path.exists():
        return
    with path.open("rb") as file:
        while lines := file.readlines(CHUNK):
            yield "".join(plain(line.decode(errors="replace")) for line in lines).encode()
