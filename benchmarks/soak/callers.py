"""The callers: some who know the right answer to each of their requests, some who want to do harm."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from .hostile import CLOSED, Attack
from .wire import Connection, Lost, post

#: answers that a service under more load than it can take may give to a right request
BUSY = {429, 503}


@dataclass
class Seen:
    """What came of it. `wrong` and `unexpected` keep the first few in words."""

    right: int = 0
    busy: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)
    attacks: Counter = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Service:
    """`rows` are right rows with the answer to each: the model's answer to one row does not depend on the others."""

    gateway: str
    path: str
    key: str
    input: str
    rows: list[tuple[dict, object]]


async def good_caller(service: Service, seen: Seen, end: float, seed: int) -> None:
    """Some rows, never the same ones as another caller at the same time, so that answers that were mixed up are noticed."""
    dice, connection = random.Random(seed), Connection(service.gateway)
    for number in itertools.count():
        if time.monotonic() > end:
            return connection.close()
        chosen = dice.choices(service.rows, k=dice.choice((1, 1, 1, 2, 5, 50)))
        asked = f"soak-{seed}-{number}"
        body = json.dumps({service.input: [row for row, _ in chosen]}).encode()
        begun = time.perf_counter()
        try:
            answer = await connection.ask(post(service.path, service.key, body, f"X-Request-Id: {asked}"))
        except Lost:
            seen.lost += 1
            continue
        if answer.status in BUSY:
            seen.busy += 1
            await asyncio.sleep(min(1, float(answer.headers.get("retry-after", 1))))
        elif answer.status == 200 and json.loads(answer.body) == [known for _, known in chosen]:
            seen.right += 1
            seen.latencies.append(time.perf_counter() - begun)
        else:
            seen.wrong.append(f"{asked}: {answer.status} {answer.body[:200]!r} for {len(chosen)} rows")
        if (told := answer.headers.get("x-request-id")) != asked:
            seen.wrong.append(f"{asked}: the answer is that of {told}")


async def hostile_caller(service: Service, attacks: list[Attack], seen: Seen, end: float, rest: float) -> None:
    """One attack after the other, each on a connection of its own, `rest` seconds apart."""
    for attack in itertools.cycle(attacks):
        if time.monotonic() > end:
            return
        connection = Connection(service.gateway)
        try:
            answer = await connection.ask(*attack.parts(service.path, service.key), pause=attack.pause)
            status, text = answer.status, answer.body[:200]
        except Lost as reason:
            status, text = CLOSED, str(reason).encode()
        connection.close()
        seen.attacks[attack.name, status] += 1
        if status not in attack.right and status not in BUSY:
            seen.unexpected.append(f"{attack.name}: {status} {text!r}")
        await asyncio.sleep(rest)


async def traffic(service: Service, attacks: list[Attack], *, seconds: float, callers: int, seed: int = 1) -> Seen:
    """All callers at once, for that long."""
    seen, end = Seen(), time.monotonic() + seconds
    quick, slow = ([attack for attack in attacks if attack.slow is kind] for kind in (False, True))
    async with asyncio.TaskGroup() as group:
        for number in range(callers):
            group.create_task(good_caller(service, seen, end, seed * 1000 + number))
        for shift in range(2):
            group.create_task(hostile_caller(service, quick[shift::2], seen, end, 0.02))
        for attack in slow:
            group.create_task(hostile_caller(service, [attack], seen, end, 1))
    return seen
