"""A request body of any length, read at the sender's pace, hashed and written at the same time, with a bound on everything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.utils.translation import gettext as _

from portal.errors import BadRequest
from registry.storage import Incoming

#: bytes that are hashed and written at once; at most three of these are in memory for each body
BATCH = 2 * 2**20
#: a sender has this many seconds for the next LEAST bytes, so a trickle ends as silence does
PACE = 60
LEAST = 64 * 2**10
#: bytes after which the disk begins to write while more arrives, so that little is left to wait for at the end
SYNC_EVERY = 32 * 2**20
#: parts after which a batch is used although it is small: each costs memory beside its bytes. None is empty, so that LEAST
#: bytes have come by then, and the pace stays what it is
MANY = LEAST
#: parts of a batch that are used one by one; more of them are put together first
MOST_PARTS = 8
_HASHING = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1), thread_name_prefix="hashing")


class Disconnected(Exception):
    """The sender has gone; there is nobody to answer."""


async def receive_body(receive, incoming: Incoming, *, seconds: float) -> None:
    """All of the body, within `seconds`. Raises Disconnected when the sender goes away first: what had arrived is written by then."""
    loop = asyncio.get_running_loop()
    end, seen, mark = loop.time() + seconds, 0, 0
    writing: asyncio.Future | None = None
    syncing: asyncio.Future | None = None
    synced = 0
    parts: list[bytes] = []
    held = 0
    try:
        more = True
        while more:
            # One clock for many messages: a timer for each would cost more than the bytes.
            async with asyncio.timeout_at(min(loop.time() + PACE, end)) as clock:
                while held < BATCH and len(parts) < MANY:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    part = message.get("body", b"")
                    if part:
                        parts.append(part)
                    held, seen = held + len(part), seen + len(part)
                    more = message.get("more_body", False)
                    if not more:
                        break
                    if seen - mark >= LEAST:
                        mark = seen
                        clock.reschedule(min(loop.time() + PACE, end))
            if writing is not None:
                await writing
            batch, parts, held = parts, [], 0
            writing = loop.run_in_executor(None, _keep, incoming, batch) if batch else None
            if seen - synced >= SYNC_EVERY and (syncing is None or syncing.done()):
                if syncing is not None:
                    syncing.result()  # an error of the disk is told once, so it must not be lost here
                synced, syncing = seen, loop.run_in_executor(None, incoming.sync)
    except TimeoutError:
        raise BadRequest(
            _("Less than %(least)s KiB arrived in %(pace)s seconds, or the upload set is over. Send the file again, or go on with it.")
            % {"least": LEAST // 2**10, "pace": PACE},
            code="UploadTimeout",
            status=408,
        ) from None
    finally:
        try:
            if writing is not None:
                await writing
            if parts:
                await asyncio.to_thread(incoming.append, b"".join(parts))
        finally:
            if syncing is not None:
                await syncing


def _keep(incoming: Incoming, parts: list[bytes]) -> None:
    """Both at once: hashing and writing let other threads run meanwhile."""
    # What came in large parts is not put together: that would be another copy of everything.
    whole = parts if len(parts) <= MOST_PARTS else [b"".join(parts)]
    hashing = _HASHING.submit(_each, incoming.digest, whole)
    try:
        _each(incoming.append, whole)
    finally:
        hashing.result()


def _each(use: Callable[[bytes], None], parts: list[bytes]) -> None:
    for part in parts:
        use(part)
