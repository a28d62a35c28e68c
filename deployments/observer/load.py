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
                secret = replica.revision.service.secret
                status, body = await health.fetch(replica.address, "/metrics", secret, seconds=EACH, longest=LONGEST)
                said = dict(_GAUGE.findall(body))
                if status == 200 and len(said) == 2:
                    found[replica.name] = int(said[b"running"]), int(said[b"queue_length"])

    with suppress(TimeoutError):
        async with asyncio.timeout(ALL):
            await asyncio.gather(*(one(replica) for replica in replicas))
    return found
