"""Ordinary pages while 200 people watch builds: their time with and without the open logs, by turns.

    python -m benchmarks.open_logs [--streams 200] [--rounds 3] [--seconds 10]

A real web process, twenty operations that run and whose logs grow by ten lines a second each, and 200 connections that follow them.
The reader of the streams and the writer of the logs share the machine with the portal; two pages are asked for again and again beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.live_portal import LivePortal, live_portal

OPERATIONS, LINES_A_SECOND = 20, 10
PAGES = ("/g/demo/models/", "/g/demo/operations/")
MAKE = """
import json
from django.utils import timezone
from deployments.models import Operation, OperationStep
from deployments.steps import step_log_path
from portal.accounts.models import ResourceGroup
found, group, now = [], ResourceGroup.objects.get(name="demo"), timezone.now()
for number in range(%d):
    one = Operation.objects.create(group=group, kind="Image", label=f"image iris:{number}", state="Running", started_at=now, heartbeat_at=now)
    step = OperationStep.objects.create(operation=one, order=1, name="environment", title="Install the packages")
    path = step_log_path(step)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    found.append((str(one.pk), str(path)))
for number in range(60):
    Operation.objects.create(group=group, kind="Image", label=f"image old:{number}", state="Succeeded", started_at=now, ended_at=now)
print(json.dumps(found))
"""


@contextmanager
def growing(paths: list[str]):
    """Lines are added to all logs until the block ends."""
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.wait(1 / LINES_A_SECOND):
            number += 1
            for path in paths:
                with open(path, "ab") as log:
                    log.write(f"Collecting package-{number} and what it needs, {number * 37 % 1000} kB\n".encode())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


class Watchers:
    """Connections that read what comes and keep nothing. They live in a thread of their own."""

    def __init__(self, portal: LivePortal, cookie: str, operations: list[str], count: int) -> None:
        self.host, self.port = urlsplit(portal.url).hostname, urlsplit(portal.url).port
        self.cookie, self.operations, self.count = cookie, operations, count
        self.events = self.lines = self.open = 0

    async def _watch(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        path = f"/g/demo/operations/{self.operations[number % len(self.operations)]}/stream?after=1:0"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nCookie: modelport={self.cookie}\r\n\r\n".encode())
        status = await reader.readline()
        if b" 200 " not in status:
            raise SystemExit(f"A stream was refused: {status!r}")
        self.open += 1
        try:
            while data := await reader.read(2**16):
                self.events += data.count(b"\ndata: ")
                self.lines += data.count(b"<li id=")
        finally:
            self.open -= 1
            writer.close()

    @contextmanager
    def watching(self):
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        tasks = [asyncio.run_coroutine_threadsafe(self._watch(number), loop) for number in range(self.count)]
        try:
            deadline = time.monotonic() + 60
            while self.open < self.count:
                if time.monotonic() > deadline:
                    raise SystemExit(f"{self.open} of {self.count} streams are open after a minute.")
                time.sleep(0.1)
            yield
        finally:
            for task in tasks:
                task.cancel()
            # Their endings run before the loop stops.
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.2), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


def page_times(client, cookie: str, seconds: float) -> list[float]:
    times, end, number = [], time.monotonic() + seconds, 0
    while time.monotonic() < end:
        began = time.perf_counter()
        answer = client.get(PAGES[number % len(PAGES)], headers={"Cookie": f"modelport={cookie}"})
        times.append(1000 * (time.perf_counter() - began))
        if answer.status_code != 200:
            raise SystemExit(f"A page answered {answer.status_code}")
        number += 1
    return times


def busy(portal: LivePortal) -> float:
    """Seconds of the processors that the web process has used: what other work on the machine changes little."""
    main = psutil.Process(portal.process.pid)
    return sum(sum(process.cpu_times()[:2]) for process in [main, *main.children(recursive=True)])


def shown(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=20)
    return {"p50_ms": round(statistics.median(times), 1), "p95_ms": round(cuts[18], 1), "pages": len(times)}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--streams", type=int, default=200)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=10)
    options = asked.parse_args()
    without, beside, events, lines, worked = [], [], 0, 0, 0.0
    with tempfile.TemporaryDirectory(prefix="modelport-bench-") as folder, live_portal(Path(folder), pages=True) as portal:
        cookie, operations = portal.session(), json.loads(portal.run(MAKE % OPERATIONS).splitlines()[-1])
        watchers = Watchers(portal, cookie, [pk for pk, _ in operations], options.streams)
        with portal.client("") as client, growing([path for _, path in operations]):
            page_times(client, cookie, 3)
            before = highest = portal.memory()
            for _ in range(options.rounds):
                without += page_times(client, cookie, options.seconds)
                with watchers.watching():
                    # What was written before they came has been read.
                    time.sleep(3)
                    began = busy(portal)
                    time.sleep(options.seconds / 2)
                    worked += busy(portal) - began
                    seen, read = watchers.events, watchers.lines
                    beside += page_times(client, cookie, options.seconds)
                    events, lines = events + watchers.events - seen, lines + watchers.lines - read
                    highest = max(highest, portal.memory())
    alone, watched = shown(without), shown(beside)
    print(
        json.dumps(
            {
                "streams": options.streams,
                "events_a_second": round(events / options.rounds / options.seconds),
                "lines_a_second": round(lines / options.rounds / options.seconds),
                "processor_share_of_the_streams": round(worked / options.rounds / (options.seconds / 2), 3),
                "without": alone,
                "with": watched,
                "ratio_p50": round(watched["p50_ms"] / alone["p50_ms"], 2),
                "ratio_p95": round(watched["p95_ms"] / alone["p95_ms"], 2),
                "memory_growth_mib": round((highest - before) / 2**20, 1),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
