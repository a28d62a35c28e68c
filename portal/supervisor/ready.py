"""Waiting until everything that was started answers."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from django.conf import settings

from portal.celery import QUEUES, app
from portal.supervisor.closing import Quickstart
from portal.supervisor.daemon import Daemon, tail
from portal.supervisor.preflight import CannotStart
from portal.supervisor.processes import worker_node

#: a cold start on a slow disk; a warm one takes a few seconds
TIMEOUT_SECONDS = 120


def wait_until_ready(daemon: Daemon) -> None:
    """Returns once web, gateway and every worker have answered and the rest keeps running.

    Raises CannotStart with the last lines of a process that keeps ending, or when TIMEOUT_SECONDS have passed.
    """
    waiting: dict[str, Callable[[], bool]] = {"gateway": gateway_listens, "web": web_answers}
    silent = {f"worker-{queue}": worker_node(queue) for queue in QUEUES}
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        states = daemon.observe()
        for name, row in states.items():
            if row["statename"] in {"BACKOFF", "FATAL"}:
                raise CannotStart(
                    f"{name} does not start. The end of {settings.LOG_DIR / name}.log:\n" + tail(settings.LOG_DIR / f"{name}.log", 15)
                )
        waiting = {name: answers for name, answers in waiting.items() if not answers()}
        if silent and all(states[name]["statename"] == "RUNNING" for name in silent):
            answered = {node for reply in app.control.ping(destination=list(silent.values()), timeout=1) for node in reply}
            silent = {name: node for name, node in silent.items() if node not in answered}
        running = all(row["statename"] == "RUNNING" for row in states.values())
        if not waiting and not silent and running:
            return
        if time.monotonic() > deadline:
            missing = sorted({*waiting, *silent} or {name for name, row in states.items() if row["statename"] != "RUNNING"})
            raise CannotStart(f"After {TIMEOUT_SECONDS} seconds there is no answer from {', '.join(missing)}; see {settings.LOG_DIR}.")
        time.sleep(0.2)


def gateway_listens() -> bool:
    try:
        with socket.create_connection((_reachable(settings.GATEWAY_HOST), settings.GATEWAY_PORT), timeout=1):
            return True
    except OSError:
        return False


def web_answers() -> bool:
    host = _reachable(settings.HOST)
    address = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{address}:{settings.PORT}/healthz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def service_answers(quickstart: Quickstart) -> bool:
    """Whether the demo's service takes calls through the gateway with its key."""
    request = urllib.request.Request(
        quickstart.score_url, quickstart.sample.encode(), {"Authorization": f"Bearer {quickstart.key}", "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
