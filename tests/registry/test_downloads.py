"""Bytes on their way out, in threads."""

from __future__ import annotations

import asyncio
from threading import Event

from registry.downloads import send_chunks


def test_who_goes_away_while_a_chunk_is_read_leaves_no_open_file(async_rf, tmp_path):
    """A file that is read in a thread cannot be closed before that thread has its chunk, and is closed then."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"first")
    reads, goes_on = Event(), Event()
    file = path.open("rb")

    def chunks():
        with file:
            yield file.read()
            reads.set()
            goes_on.wait(10)
            yield b"second"

    async def leave() -> None:
        response = send_chunks(async_rf.get("/"), chunks(), "model.bin", "application/octet-stream")
        sending = aiter(response)
        assert await anext(sending) == b"first"
        waiting = asyncio.ensure_future(anext(sending))
        await asyncio.to_thread(reads.wait, 10)
        waiting.cancel()
        asyncio.get_running_loop().call_later(0.05, goes_on.set)
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled() and file.closed

    asyncio.run(leave())
