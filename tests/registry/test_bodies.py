"""A body that streams: hashed, written and synced beside each other, in large parts and in small ones."""

from __future__ import annotations

import asyncio
import hashlib
import os

import pytest

from portal.errors import InsufficientStorage
from registry.bodies import MANY, SYNC_EVERY, Disconnected, receive_body
from registry.storage import Incoming

MIB = 2**20


@pytest.fixture(autouse=True)
def store(empty_store):
    return empty_store


def receiving(incoming: Incoming, parts: list[bytes], *, cut: bool = False) -> None:
    """`parts` as a server's messages; `cut` is a sender who goes away after them."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request"})
    left = iter(messages)

    async def receive():
        return next(left)

    asyncio.run(receive_body(receive, incoming, seconds=60))


@pytest.mark.parametrize("sizes", [[MIB] * 5, [1000] * 5000, [3 * MIB, 1, 0, 700, MIB, MIB, *[5] * 30], []])
def test_parts_of_every_size_are_the_same_file(sizes):
    parts = [os.urandom(size) for size in sizes]
    with Incoming() as incoming:
        receiving(incoming, parts)
        whole = b"".join(parts)
        assert (incoming.size, incoming.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        assert incoming.peek(len(whole) + 1) == whole


def test_tiny_parts_do_not_pile_up():
    """Each costs about forty bytes beside its own, so a batch of two mebibytes of them would hold eighty."""

    class Noted(Incoming):
        written: list[int]

        def append(self, data: bytes) -> None:
            self.written = [*getattr(self, "written", []), len(data)]
            super().append(data)

    with Noted() as incoming:
        receiving(incoming, [b"x"] * (2 * MANY + 50))
        assert incoming.written == [MANY, MANY, 50]
        assert incoming.sha256 == hashlib.sha256(b"x" * (2 * MANY + 50)).hexdigest()


def test_what_came_before_a_cut_is_written():
    with Incoming() as incoming:
        with pytest.raises(Disconnected):
            receiving(incoming, [b"x" * MIB] * 3 + [b"y"], cut=True)
        assert incoming.peek(4 * MIB) == b"x" * 3 * MIB + b"y"


def test_it_is_synced_while_it_arrives_and_an_error_of_the_disk_is_not_lost():
    """The system tells such an error once: to this sync, and not to the one at the end."""

    class Full(Incoming):
        synced = 0

        def sync(self) -> None:
            super().sync()
            self.synced += 1
            raise InsufficientStorage("The disk is full.")

    part = bytes(MIB)
    with Full() as incoming:
        with pytest.raises(InsufficientStorage):
            receiving(incoming, [part] * (SYNC_EVERY // MIB + 4))
        assert incoming.synced == 1
