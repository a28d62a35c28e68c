"""The parts for a team: what asks the database again on PostgreSQL, and a whole portal on PostgreSQL and Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from portal.supervisor.install import ROOT
from tests.portal.test_start import ask, environment, start
from tests.real_parts import POSTGRES_URL, REDIS_URL

__all__ = ["environment", "start"]

#: everything that claims, counts, locks or filters in the database; what never asks it behaves the same everywhere
ASKING = [
    *(f"tests/portal/test_{name}.py" for name in ("accounts", "permissions", "states", "text_indexes", "tokens")),
    "tests/registry",
    *(f"tests/deployments/test_{name}.py" for name in ("api", "operations", "services", "traffic")),
]
OTHER_PARTS = "not docker and not browser and not postgres and not redis and not slow"


@pytest.fixture
def database():
    """An empty database of its own; its address."""
    import psycopg

    name = f"modelport_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield f"{POSTGRES_URL.rpartition('/')[0]}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_what_asks_the_database_passes_on_postgresql(database):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELPORT_", "DJANGO_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", OTHER_PARTS, *ASKING]
    done = subprocess.run(command, cwd=ROOT, env={**kept, "MODELPORT_DATABASE_URL": database}, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    print(done.stdout.splitlines()[-1])


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_portal_comes_up_on_postgresql_and_redis(environment, start, database):
    environment |= {"MODELPORT_DATABASE_URL": database, "MODELPORT_BROKER_URL": REDIS_URL}
    console = start("--no-demo")
    console.wait_for("Ctrl-C stops everything")
    assert ask(f"http://127.0.0.1:{environment['MODELPORT_PORT']}/healthz") == (200, b"ok\n")
    data = Path(environment["MODELPORT_DATA"])
    log = data / "logs" / "worker-housekeeping.log"
    deadline = time.monotonic() + 60
    while "deployments.tasks.tick" not in log.read_text() or "succeeded" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)
    assert not (data / "db.sqlite3").exists()
    assert not list((data / "broker").iterdir())
    console.process.send_signal(signal.SIGINT)
    assert console.process.wait(60) == 0
