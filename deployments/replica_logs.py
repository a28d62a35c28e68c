"""What replicas printed, as the observer keeps it: merged by time, narrowed, and followed."""

from __future__ import annotations

import heapq
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext as _

from deployments.lines import clean
from deployments.logs import replica_log_path
from deployments.models import Service
from deployments.telemetry.window import moment
from portal.errors import BadRequest

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
#: bytes read from the end of a replica's newest file when no time was asked for
TAIL = 2 * 2**20
#: lines sent together in a download
CHUNK = 1000
#: a line that is no JSON tells its level by the way it begins
_SPOKEN = re.compile(r"^\W*(?:[\d:.,TZ /-]+\s)?\W*(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)\b", re.IGNORECASE)
_SAME = {"WARN": "WARNING", "FATAL": "CRITICAL"}


@dataclass(frozen=True, slots=True)
class Line:
    """`text` is what was printed, made printable; the rest is read from it where it is one of the runtime's JSON lines."""

    at: datetime
    replica: str
    text: str
    level: str = ""
    message: str = ""
    request_id: str = ""

    @property
    def cursor(self) -> str:
        """Where to go on after this line."""
        return self.at.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`level` takes this level and graver ones; `search` is text or a request id, in any case; `after` and `before` are times."""

    replicas: tuple[str, ...] = ()
    level: str = ""
    search: str = ""
    request_id: str = ""
    after: datetime | None = None
    before: datetime | None = None

    @classmethod
    def asked(cls, given) -> Wanted:
        """From a query: replica (several), level, q, requestId, from, to. Raises BadRequest that names the field."""
        level = given.get("level", "").upper()
        if level and level not in LEVELS:
            raise BadRequest(_("level is one of %(levels)s.") % {"levels": ", ".join(LEVELS)}, field="level")
        return cls(
            replicas=tuple(filter(None, given.getlist("replica"))),
            level=level,
            search=given.get("q", ""),
            request_id=given.get("requestId", ""),
            after=moment(given["from"], "from") if given.get("from") else None,
            before=moment(given["to"], "to") if given.get("to") else None,
        )

    def takes(self, line: Line) -> bool:
        if (self.after and line.at <= self.after) or (self.before and line.at >= self.before):
            return False
        if self.level and LEVELS.index(line.level or "INFO") < LEVELS.index(self.level):
            return False
        if self.request_id and self.request_id not in (line.request_id, *re.findall(r"[\w.:-]+", line.text)):
            return False
        return self.search.casefold() in line.text.casefold()


def replicas(service: Service) -> list[str]:
    """Names of all that have a log here, the one that wrote last first; also of revisions that are gone."""
    folder = replica_log_path(service, "x").parent
    files = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True) if folder.is_dir() else []
    return [path.name.removesuffix(".log") for path in files]


def read(service: Service, wanted: Wanted, *, most: int = 500) -> list[Line]:
    """The last `most` lines that are wanted, oldest first, of all chosen replicas."""
    known = replicas(service)
    chosen = [name for name in wanted.replicas if name in known] if wanted.replicas else known
    streams = [(line for line in _lines(replica_log_path(service, name), name, wanted) if wanted.takes(line)) for name in chosen]
    return list(deque(heapq.merge(*streams, key=lambda line: line.at), maxlen=most))


def stream(service: Service, wanted: Wanted) -> Iterator[bytes]:
    """Every kept line that is wanted, as `<time> <replica> <text>`, in chunks for a download; nothing is held in memory."""
    chosen = [name for name in replicas(service) if not wanted.replicas or name in wanted.replicas]
    streams = [_lines(replica_log_path(service, name), name, wanted, everything=True) for name in chosen]
    lines = (line for line in heapq.merge(*streams, key=lambda line: line.at) if wanted.takes(line))
    while chunk := "".join(f"{line.at.isoformat()} {line.replica} {line.text}\n" for line in islice(lines, CHUNK)):
        yield chunk.encode()


def _lines(path: Path, replica: str, wanted: Wanted, *, everything: bool = False) -> Iterator[Line]:
    """Oldest first. Without a time asked for, only the end of the newest file."""
    older = sorted(path.parent.glob(f"{path.name}.*"), key=lambda one: one.name, reverse=True)
    for file in [*(older if everything or wanted.after else []), path]:
        try:
            if wanted.after and file.stat().st_mtime < wanted.after.timestamp():
                continue
            with file.open("rb") as opened:
                if not everything and not wanted.after and file.stat().st_size > TAIL:
                    opened.seek(-TAIL, 2)
                    opened.readline()
                yield from _parsed(opened, replica)
        except FileNotFoundError:
            # Rotated away meanwhile.
            continue


def _parsed(raw_lines: Iterable[bytes], replica: str) -> Iterator[Line]:
    last: datetime | None = None
    for raw in raw_lines:
        stamp, _, text = raw.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
        try:
            last = datetime.fromisoformat(stamp)
        except ValueError:
            if last is None:
                continue
            text = f"{stamp} {text}"
        yield _line(last, replica, clean(text))


def _line(at: datetime, replica: str, text: str) -> Line:
    if text.startswith("{"):
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, dict) and isinstance(said.get("message"), str):
            level = str(said.get("level", "")).upper()
            level = _SAME.get(level, level)
            rest = [said["message"], said.get("exc_info") or said.get("traceback") or ""]
            message = "\n".join(clean(part) for whole in rest if isinstance(whole, str) for part in whole.splitlines())
            request_id = said.get("requestId") or said.get("request_id") or ""
            return Line(at, replica, text, level if level in LEVELS else "", message, clean(str(request_id)))
    spoken = _SPOKEN.match(text)
    level = spoken[1].upper() if spoken else "ERROR" if text.startswith("Traceback ") else ""
    return Line(at, replica, text, _SAME.get(level, level), text)
