"""Reading the log of a replica that runs as a process: stamped lines in `log`, older ones in `log.1`, `log.2`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from deployments.lines import clean
from deployments.targets.process_child import LOG_FILES

LOOK = 0.1


def _files(path: Path) -> list[Path]:
    """Oldest first."""
    return [*(path.with_name(f"{path.name}.{number}") for number in range(LOG_FILES - 1, 0, -1)), path]


def _parse(raw: bytes) -> tuple[datetime, str] | None:
    stamp, _, text = raw.decode("utf-8", "replace").partition(" ")
    try:
        return datetime.fromisoformat(stamp), clean(text)
    except ValueError:
        return None


def tail(path: Path, lines: int) -> list[str]:
    found: list[bytes] = []
    for file in reversed(_files(path)):
        if len(found) >= lines:
            break
        try:
            found = _last(file, lines - len(found)) + found
        except FileNotFoundError:
            continue
    return [entry[1] for entry in map(_parse, found) if entry]


def _last(path: Path, lines: int) -> list[bytes]:
    """The last lines of a file, read from its end."""
    with path.open("rb") as file:
        position, data = file.seek(0, os.SEEK_END), b""
        while position > 0 and data.count(b"\n") <= lines:
            step = min(65536, position)
            position -= step
            file.seek(position)
            data = file.read(step) + data
    return data.splitlines()[-lines:] if lines else []


def follow(path: Path, ended: Callable[[], bool], since: datetime | None) -> Iterator[tuple[datetime, str]]:
    """All lines after `since`, then new ones as they are written, across rotations, until `ended` and nothing is left."""
    for older in _files(path)[:-1]:
        # A rotation meanwhile may show a few lines twice; none is lost.
        try:
            with older.open("rb") as file:
                yield from _entries(file, since)
        except FileNotFoundError:
            continue
    file: BinaryIO | None = None
    try:
        while True:
            over = ended()
            if file is None:
                try:
                    file = path.open("rb")
                except FileNotFoundError:
                    if over:
                        return
                    time.sleep(LOOK)
                    continue
            yield from _entries(file, since)
            if _replaced(path, file):
                yield from _entries(file, since)
                file.close()
                file = None
            elif over:
                return
            else:
                time.sleep(LOOK)
    finally:
        if file is not None:
            file.close()


def _entries(file: BinaryIO, since: datetime | None) -> Iterator[tuple[datetime, str]]:
    """Whole lines from where the file was left; a line without its end yet is left for later."""
    while True:
        position = file.tell()
        raw = file.readline()
        if not raw.endswith(b"\n"):
            file.seek(position)
            return
        entry = _parse(raw.rstrip(b"\r\n"))
        if entry and not (since and entry[0] <= since):
            yield entry


def _replaced(path: Path, file: BinaryIO) -> bool:
    try:
        return os.stat(path).st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False
