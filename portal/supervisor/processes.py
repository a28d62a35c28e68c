"""The processes of the portal, as data: what runs, with which words, and how it is stopped."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings

from portal.celery import BUILD, HOUSEKEEPING, ROLLOUT
from portal.supervisor.web import MEMORY, SERVER

#: how many tasks of a queue run at once; user code never runs in a worker, so threads that wait are enough
CONCURRENCY = {BUILD: 2, ROLLOUT: 4, HOUSEKEEPING: 2}


@dataclass(frozen=True, slots=True)
class Process:
    """One supervised program. `stop_seconds` is how long it may take to end before it is killed.

    All of them have the environment of `manage.py start`, and `variables` beside it, which are plain words. Where sockets lie
    that their processes share follows from TMPDIR, so none may have one of its own.
    """

    name: str
    command: tuple[str, ...]
    stop_seconds: int = 8
    stop_signal: str = "TERM"
    variables: Mapping[str, str] = field(default_factory=dict)


def worker_node(queue: str) -> str:
    """The name a queue's worker answers to when it is pinged."""
    return f"{queue}@modelport"


def processes() -> list[Process]:
    """Everything that `manage.py start` keeps running, in the order of starting."""
    manage = (sys.executable, str(settings.ROOT / "manage.py"))
    celery = (sys.executable, "-m", "celery", "--app", "portal")
    web = (
        *SERVER,
        *("--host", settings.HOST, "--port", str(settings.PORT)),
        *("--workers", str(settings.WEB_WORKERS), "--respawn-failed-workers", "--workers-kill-timeout", "4s"),
        *("--log-level", "warning", "portal.supervisor.served:application"),
    )
    # HAProxy lets calls end at USR1; at TERM it drops them.
    found = [Process("gateway", (*manage, "gateway"), stop_signal="USR1"), Process("web", web, variables=MEMORY)]
    for queue, size in CONCURRENCY.items():
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
        command = (*celery, "worker", "-Q", queue, "-n", worker_node(queue), "-P", "threads", "-c", str(size), *quiet)
        found.append(Process(f"worker-{queue}", command))
    found.append(Process("beat", (*celery, "beat", "--loglevel", "WARNING", "--pidfile=")))
    found.append(Process("observer", (*manage, "observe")))
    return found
