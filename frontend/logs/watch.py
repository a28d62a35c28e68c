"""What all open logs of this process want to know, asked for together.

A stream is open for minutes. Were each to ask for its rows, two hundred of them would ask the database two hundred
times a second and hold two hundred connections. So one thread of the process asks once a second for all of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.db import connection

from deployments.models import Operation, OperationStep
from portal.accounts.models import User
from portal.accounts.permissions import Permission

log = logging.getLogger(__name__)
#: seconds between two looks at the rows
EVERY = 1.0
#: (person, operation)
Wish = tuple[object, object]
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="open-logs")


@dataclass(frozen=True, slots=True)
class Seen:
    """`finished` is also true once the person may not see the operation any more: a stream does not outlast a membership."""

    finished: bool
    steps: tuple[OperationStep, ...]
    visible: bool


def look(wishes: set[Wish]) -> dict[Wish, Seen]:
    """States are asked for before steps, so that a step of a finished operation is known to its end."""
    try:
        wanted = defaultdict(set)
        for person, operation in wishes:
            wanted[person].add(operation)
        states = {}
        for user in User.objects.filter(pk__in=wanted):
            rows = Operation.objects.allowing(user, Permission.OPERATION_READ).filter(pk__in=wanted[user.pk])
            states |= {(user.pk, pk): state for pk, state in rows.values_list("pk", "state")}
        steps = defaultdict(list)
        for step in OperationStep.objects.filter(operation_id__in={operation for _, operation in states}).order_by("order"):
            steps[step.operation_id].append(step)
        return {
            wish: Seen(states[wish] in Operation.FINISHED, tuple(steps[wish[1]]), True) if wish in states else Seen(True, (), False)
            for wish in wishes
        }
    finally:
        # The next look is a second away; a pool of connections has better use for it until then.
        connection.close()


class Board:
    """The wishes of the streams of one event loop and what was seen last."""

    def __init__(self) -> None:
        self._wishes: Counter[Wish] = Counter()
        self._seen: dict[Wish, Seen] = {}
        self._steps: dict[object, tuple[OperationStep, ...]] = {}
        self._task: asyncio.Task | None = None

    @contextmanager
    def watching(self, wish: Wish) -> Iterator[None]:
        self._wishes[wish] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._wishes[wish] -= 1
            if not self._wishes[wish]:
                del self._wishes[wish]
                self._seen.pop(wish, None)

    def seen(self, wish: Wish) -> Seen | None:
        """None until the first look."""
        return self._seen.get(wish)

    def steps(self, operation) -> tuple[OperationStep, ...] | None:
        """What somebody who may see the operation has seen of it; None before that."""
        return self._steps.get(operation)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while self._wishes:
            try:
                seen = await loop.run_in_executor(_thread, look, set(self._wishes))
                self._seen = {wish: one for wish, one in seen.items() if wish in self._wishes}
                self._steps = {wish[1]: one.steps for wish, one in self._seen.items() if one.visible}
            except Exception:
                # The database may be away for a moment; the next look is a second away.
                log.warning("what open logs follow could not be read", exc_info=True)
            missing = self._wishes.keys() - self._seen.keys()
            await asyncio.sleep(EVERY / 10 if missing else EVERY)


_boards: WeakKeyDictionary[asyncio.AbstractEventLoop, Board] = WeakKeyDictionary()


def board() -> Board:
    """Of the running event loop."""
    return _boards.setdefault(asyncio.get_running_loop(), Board())
