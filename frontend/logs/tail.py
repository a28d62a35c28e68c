"""What is new in the logs that are open: read and rendered once for a process, whoever follows them.

Each operation that somebody follows has a tail: a ring of the last events as they go out, and the place they reach. Who is
behind the ring, or comes in the middle of an event, reads the file up to where an event of the ring begins. So a slow reader
costs neither memory nor anybody else's time, and every watcher goes on at a byte of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from deployments import steplog
from deployments.models import OperationStep
from deployments.steps import step_log_path
from frontend.logs.html import lines_html
from frontend.logs.watch import board

log = logging.getLogger(__name__)
#: bytes of one event's lines; what a ring keeps; what is read for one watcher, or one tail, before others have their turn
PIECE, RING, TURN = 2**15, 2**19, 2**17
#: seconds between two looks at the files: more with many watchers, because what an event costs is mostly its way to each of them
LOOK, LOOK_EACH, LOOK_MOST = 0.2, 0.0025, 1.0
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log-tails")


@dataclass(frozen=True, slots=True)
class Place:
    """A byte of a step's file, at which a line begins, and how many lines of the whole log come before it."""

    order: int
    offset: int
    line: int

    @property
    def key(self) -> tuple[int, int]:
        return self.order, self.offset


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of one step, as an event. It may begin at the end of the step before."""

    begin: Place
    end: Place
    event: bytes


def located(steps: Iterable[OperationStep], order: int, offset: int) -> Place:
    before = sum(steplog.count(step_log_path(step)) for step in steps if step.order < order)
    return Place(order, offset, before + sum(steplog.count(step_log_path(step), offset) for step in steps if step.order == order))


def end_of(steps: Iterable[OperationStep]) -> Place:
    """Behind the last whole line of the step that runs."""
    place = Place(0, 0, 0)
    for step in steps:
        part = steplog.tail(step_log_path(step), 1)
        place = Place(step.order, part.end, place.line + part.total)
        if step.ended_at is None:
            break
    return place


def read(steps: Iterable[OperationStep], place: Place, until: Place | None = None) -> tuple[list[Piece], Place]:
    """The pieces from a place on, each beginning where the one before ends, to another place or to the end of what is written now;
    and where they end. About TURN bytes at most."""
    found, left = [], TURN
    for step in steps:
        if step.order < place.order:
            continue
        last = until is not None and step.order >= until.order
        offset = place.offset if step.order == place.order else 0
        for data in _whole_lines(step_log_path(step), offset, until.offset if last else None):
            found.append(_piece(step, place, data))
            place, left = found[-1].end, left - len(data)
            if left <= 0:
                return found, place
        if last or step.ended_at is None:
            break
    return found, place


def _piece(step: OperationStep, begin: Place, data: bytes) -> Piece:
    lines = steplog.decoded(data)
    offset = begin.offset if step.order == begin.order else 0
    end = Place(step.order, offset + len(data), begin.line + len(lines))
    said = {"step": step.order, "title": step.title, "first": begin.line + 1, "count": len(lines)}
    said |= {"html": lines_html(lines, begin.line + 1), "said": steplog.plain(lines[-1])[:160]}
    return Piece(begin, end, f"id: {end.order}:{end.offset}\ndata: {json.dumps(said)}\n\n".encode())


def _whole_lines(path: Path, offset: int, end: int | None) -> Iterator[bytes]:
    """Until the end of the file as it is now, or byte `end`."""
    try:
        if path.stat().st_size <= offset:
            return
    except FileNotFoundError:
        return
    with path.open("rb") as file:
        file.seek(offset)
        while data := file.read(PIECE if end is None else min(PIECE, end - offset)):
            whole = data.rfind(b"\n") + 1
            if not whole:
                # A line may be longer than a piece: it goes out alone, once it has ended.
                data += file.readline()
                whole = len(data)
                if not data.endswith(b"\n"):
                    return
            yield data[:whole]
            offset += whole
            file.seek(offset)


class Tail:
    """The newest events of one operation's log. It belongs to one event loop."""

    def __init__(self) -> None:
        self.watchers = 0
        #: where the next event will begin; None until the first look
        self.head: Place | None = None
        #: the last look failed, which is told once and not at every look
        self.unreadable = False
        self._ring: deque[Piece] = deque()
        self._bytes = 0
        self._news = asyncio.Event()

    def add(self, pieces: list[Piece], head: Place) -> None:
        first, self.head = self.head is None, head
        for piece in pieces:
            self._ring.append(piece)
            self._bytes += len(piece.event)
        while self._bytes > RING and len(self._ring) > 1:
            self._bytes -= len(self._ring.popleft().event)
        if pieces or first:
            self._news.set()
            self._news = asyncio.Event()

    def after(self, place: Place) -> list[Piece] | None:
        """What comes after a place, nothing for who has everything; None when its file has to be read first, up to `next_to`."""
        if self.head is None or place.key >= self.head.key:
            return []
        found = []
        for piece in reversed(self._ring):
            found.append(piece)
            if piece.begin.key <= place.key:
                break
        return found[::-1] if found and found[-1].begin.key == place.key else None

    def next_to(self, place: Place) -> Place:
        """The first place after that one at which somebody who reads the file can go on with the ring."""
        ends = [self._ring[0].begin, *(piece.end for piece in self._ring)] if self._ring else []
        return next((end for end in ends if end.key > place.key), self.head)

    async def news(self, seconds: float) -> None:
        """Until there is something new, and no longer than that."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass


class Tails:
    """The tails of one event loop, which one thread of the process reads."""

    def __init__(self) -> None:
        self._tails: dict[object, Tail] = {}
        self._task: asyncio.Task | None = None

    @contextmanager
    def following(self, operation) -> Iterator[Tail]:
        tail = self._tails.setdefault(operation, Tail())
        tail.watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            yield tail
        finally:
            tail.watchers -= 1
            if not tail.watchers:
                del self._tails[operation]

    def pause(self) -> float:
        return min(LOOK_MOST, max(LOOK, LOOK_EACH * sum(tail.watchers for tail in self._tails.values())))

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while self._tails:
            known = {operation: board().steps(operation) for operation in self._tails}
            wanted = [(tail, known[key], tail.head) for key, tail in self._tails.items() if known[key] is not None]
            try:
                for tail, pieces, head in await loop.run_in_executor(_thread, _look, wanted):
                    tail.add(pieces, head)
            except Exception:
                log.warning("open logs could not be read", exc_info=True)
            await asyncio.sleep(self.pause() if wanted else LOOK / 4)


def _look(wanted: list) -> list[tuple[Tail, list[Piece], Place]]:
    found = []
    for tail, steps, head in wanted:
        try:
            pieces, place = read(steps, head) if head is not None else ([], end_of(steps))
        except OSError:
            # One file that cannot be read holds up who follows it, and nobody else.
            if not tail.unreadable:
                log.warning("an open log could not be read", exc_info=True)
            tail.unreadable = True
        else:
            tail.unreadable = False
            found.append((tail, pieces, place))
    return found


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Tails] = WeakKeyDictionary()


def tails() -> Tails:
    """Of the running event loop."""
    return _loops.setdefault(asyncio.get_running_loop(), Tails())
