"""One watcher's way through a log: server-sent events from a place on, until the operation ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from frontend.logs.tail import LOOK, Place, located, read, tails
from frontend.logs.watch import EVERY, Wish, board

#: seconds: how often a stream says that it lives, and when it ends so that a restart can drain
KEEP_ALIVE, LONGEST = 15, 600
END = b"event: end\ndata: {}\n\n"


async def events(wish: Wish, order: int, offset: int) -> AsyncIterator[bytes]:
    """Events from byte `offset` of step `order` on. Rows come from the process's board, lines from the operation's tail."""
    began = said = time.monotonic()
    place: Place | None = None
    with board().watching(wish), tails().following(wish[1]) as tail:
        while time.monotonic() - began < LONGEST:
            seen = board().seen(wish)
            if seen is None:
                await asyncio.sleep(LOOK / 4)
                continue
            if place is None:
                place = await asyncio.to_thread(located, seen.steps, order, offset)
            # The last lines are read from the file, which is whole now: the tail may not have looked yet.
            found = None if seen.finished else tail.after(place)
            if found is None:
                found, place = await asyncio.to_thread(read, seen.steps, place, None if seen.finished else tail.next_to(place))
                if seen.finished and not found:
                    yield END
                    return
            if found:
                # One event after the other: what waits for a slow reader is one, and the rest is in the ring or the file.
                for piece in found:
                    said, place = time.monotonic(), piece.end
                    yield piece.event
                continue
            if time.monotonic() - said > KEEP_ALIVE:
                said = time.monotonic()
                yield b": still here\n\n"
            await tail.news(EVERY)
