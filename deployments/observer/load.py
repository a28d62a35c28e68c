"""Asks the replicas that serve how busy they are: calls of run() that go on, and requests that wait for one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress

import httpx2

from deployments import health
from deployments.models import Replica

#: seconds for one replica and for all of them together, how many are asked at once, and how long an answer may be
EACH, ALL, AT_ONCE, LONGEST = 1.0, 4.0, 64, 64 * 2**10
_GAUGE = re.compile(rb"^modelport_(running|queue_length) (\d{1,6})$", re.MULTILINE)


def ask(replicas: Sequence[Replica]) -> dict[str, tuple[int, int]]:
    """{replica's name: (running, waiting)} of those that answered in time. Their secret comes with revision__service."""
    return asyncio.run(_ask_all(replicas)) if replicas else {}


async def _ask_all(replicas: Sequence[Replica]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def one(replica: Replica) -> None:
        async with places:
            # What is slow or strange is left out; the charts then have a gap.
            with suppress(httpx2.HTTPError, OSError, TimeoutError, ValueError):
                said = dict(_GAUGE.findall(await _fetch(replica.address, replica.revision.service.secret)))
                if len(said) == 2:
                    found[replica.name] = int(said[b"running"]), int(said[b"queue_length"])

    with suppress(TimeoutError):
        async with asyncio.timeout(ALL):
            await asyncio.gather(*(one(replica) for replica in replicas))
    return found


async def _fetch(address: str, secret: str) -> bytes:
    async with asyncio.timeout(EACH), health.client_for(address) as client:
        async with client.stream("GET", "/metrics", headers={"X-Modelport-Secret": secret}) as answer:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > LONGEST:
                    raise ValueError("longer than an answer of ours")
            return bytes(body) if answer.status_code == 200 else b""
