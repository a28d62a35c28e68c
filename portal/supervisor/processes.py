"""The processes of the portal, as data: what runs, with which words, and how it is stopped."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from portal.celery import BUILD, HOUSEKEEPING, ROLLOUT

#: how many tasks of a queue run at once; user code never runs in a worker, so threads that wait are enough
CONCURRENCY = {BUILD: 2, ROLLOUT: 4, HOUSEKEEPING: 2}


@dataclass(frozen=True, slots=True)
class Process:
    """One supervised program. `stop_seconds` is how long it may take to end before it is killed."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: int = 8
    stop_signal: str = "TERM"


def worker_node(queue: str) -> str:
    """The name a queue's worker answers to when it is pinged."""
    return f"{queue}@modelport"


def processes() -> list[Process]:
    """Everything that `manage.py start` keeps running, in the order of starting."""
    manage = (sys.executable, str(settings.ROOT / "manage.py"))
    celery = (sys.executable, "-m", "celery", "--app", "portal")
    web = (
        *(sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws"),
        *("--host", settings.HOST, "--port", str(settings.PORT)),
        *("--workers", str(settings.WEB_WORKERS), "--respawn-failed-workers", "--workers-kill-timeout", "4s"),
        *("--log-level", "warning", "portal.asgi:application"),
    )
    # HAProxy lets calls end at USR1; at TERM it drops them.
    found = [Process("gateway", (*manage, "gateway"), stop_signal="USR1"), Process("web", web)]
    for queue, size in CONCURRENCY.items():
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
        command = (*celery, "worker", "-Q", queue, "-n", worker_node(queue), "-P", "threads", "-c", str(size), *quiet)
        found.append(Process(f"worker-{queue}", command, {"TMPDIR": str(temporary_folder(f"worker-{queue}"))}))
    found.append(Process("beat", (*celery, "beat", "--loglevel", "WARNING", "--pidfile=")))
    found.append(Process("observer", (*manage, "observe")))
    return found


def temporary_folder(name: str) -> Path:
    """A process's TMPDIR: on the data folder's file system, so that files move from it without a copy."""
    return settings.DATA_DIR / "tmp" / name
