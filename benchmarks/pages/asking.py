"""Two databases on one server, and what a page costs in each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.pages.filling import SCORE, Filling, Size
from portal.accounts.models import User
from registry.storage import store_bytes


@dataclass
class Database:
    """With a connection of its own, which stays open while the other database is asked."""

    name: str
    wrapper: object = None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    addresses: dict[str, str] = field(default_factory=dict)

    def use(self) -> None:
        if self.wrapper is None:
            self.wrapper = connections.create_connection("default")
            self.wrapper.settings_dict = {**self.wrapper.settings_dict, "NAME": self.name}
            with self.wrapper.cursor() as cursor:
                # What other processes of the server worked for this session would not be counted.
                cursor.execute("SET max_parallel_workers_per_gather = 0")
        connections["default"] = self.wrapper


def busy() -> float:
    """Seconds that processors have worked for this process and for its session of the database, whatever else they do meanwhile."""
    schedule = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text()
    return time.process_time() + int(schedule.split()[0]) / 1e9


@contextmanager
def database(name: str, size: Size, keep: bool) -> Iterator[Database]:
    """Made and filled, or found as it was kept; dropped at the end unless it is to be kept."""
    known = settings.DATABASES["default"]
    server = {"host": known["HOST"], "port": known["PORT"], "user": known["USER"], "password": known["PASSWORD"], "dbname": "postgres"}
    base = Database(name)

    def administer(command: str) -> list:
        with psycopg.connect(**server, autocommit=True) as admin:
            done = admin.execute(command)
            return done.fetchall() if done.description else []

    there = bool(administer(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))
    if not there:
        administer(f'CREATE DATABASE "{name}"')
    try:
        base.use()
        call_command("migrate", verbosity=0)
        if not there:
            began = time.monotonic()
            Filling(size).fill()
            print(f"{name}: filled in {time.monotonic() - began:.0f} s", flush=True)
        # The folder of bytes is new in each run.
        store_bytes(SCORE)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        base.client.force_login(User.objects.get(username="someone"))
        yield base
    finally:
        base.use()
        connection.close()
        if not keep:
            administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@dataclass
class Asked:
    page: str
    few: str
    many: str
    broken: str = ""
    queries: dict[str, int] = field(default_factory=dict)
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {"few": [], "many": []})

    def count(self, side: str, client: Client) -> None:
        with CaptureQueriesContext(connection) as queries:
            self._get(side, client)
        self.queries[side] = len(queries)

    def time(self, side: str, client: Client) -> None:
        began = busy()
        self._get(side, client)
        self.milliseconds[side].append(1000 * (busy() - began))

    def _get(self, side: str, client: Client) -> None:
        answer = client.get(getattr(self, side))
        if answer.status_code not in (200, 302):
            self.broken = f"answered {answer.status_code}"

    def explain(self, client: Client) -> None:
        with CaptureQueriesContext(connection) as queries:
            self._get("many", client)
        print(f"\n{self.page}: {self.many}")
        for query in queries:
            print(f"  {1000 * float(query['time']):7.1f} ms  {query['sql'][:1500]}")

    def told(self, most_queries: int, most_ratio: float) -> dict:
        few, many = (statistics.median(self.milliseconds[side]) for side in ("few", "many"))
        ratio = round(many / few, 2)
        misses = [self.broken] if self.broken else []
        misses += [f"{self.queries['many']} queries"] if self.queries["many"] > most_queries else []
        misses += [f"{ratio} times"] if ratio > most_ratio else []
        return {
            "page": self.page,
            "few_queries": self.queries["few"],
            "few_ms": round(few, 1),
            "many_queries": self.queries["many"],
            "many_ms": round(many, 1),
            "ratio": ratio,
            "misses": misses,
        }


def export(name: str, url: str, client: Client) -> dict:
    """A whole list as a file: what a person waits for is its first bytes."""
    process = psutil.Process()
    before = highest = process.memory_info().rss
    began = time.perf_counter()
    lines, first = 0, None
    for part in client.get(url).streaming_content:
        first = first or time.perf_counter() - began
        lines += part.count(b"\n")
        highest = max(highest, process.memory_info().rss)
    seconds = time.perf_counter() - began
    return {"name": name, "rows": lines - 1, "seconds": seconds, "first_ms": 1000 * first, "memory_mib": (highest - before) / 2**20}
