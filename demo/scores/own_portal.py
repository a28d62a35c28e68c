"""A portal of one's own for a run: `manage.py start` on a data folder and ports of its own, with a token to speak to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from demo.scores.examples import ROOT
from modelport import Portal

GROUP = "examples"
STARTING_SECONDS = 600
#: what a machine needs to reach packages and its engine; every other setting is the default
KEPT = (
    *("MODELPORT_INDEX_URL", "MODELPORT_CA_BUNDLE", "MODELPORT_DOCKER_HOST", "MODELPORT_TARGET"),
    *("MODELPORT_BASE_IMAGE_PYTHON", "MODELPORT_BASE_IMAGE_SPARK"),
)
TOKEN = f"""
import django
django.setup()
from portal.accounts import actions
from portal.accounts.models import User
user = User.objects.create(username="examples")
actions.create_resource_group(user=user, name={GROUP!r})
print(actions.issue_token(user=user, name="examples", days=1)[1])
"""


@contextmanager
def own_portal(data: Path, extra_indexes: list[str]) -> Iterator[Portal]:
    """Started on entry; on exit stopped, with its services. Raises SystemExit with its last lines when it does not start.

    What it built stays in the engine: the environments are what makes the next run quick.
    """
    data.mkdir()
    environment = {name: value for name, value in os.environ.items() if name in KEPT or not name.startswith(("MODELPORT_", "DJANGO_"))}
    ports = dict(zip(("MODELPORT_PORT", "MODELPORT_GATEWAY_PORT", "MODELPORT_OBSERVER_PORT"), map(str, _free_ports(3)), strict=True))
    environment |= {"MODELPORT_DATA": str(data), "DJANGO_SETTINGS_MODULE": "portal.settings.base", **ports}
    if extra_indexes:
        environment["MODELPORT_EXTRA_INDEX_URLS"] = ",".join(extra_indexes)
    with (data / "console.txt").open("w+") as console:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "start", "--no-demo"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console
        )  # fmt: skip
        try:
            _wait(process, data / "console.txt")
            token = subprocess.run(
                [sys.executable, "-c", TOKEN], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True
            )
            with Portal(f"http://127.0.0.1:{ports['MODELPORT_PORT']}", token.stdout.split()[-1], GROUP) as portal:
                yield portal
        finally:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(90)
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen, console: Path) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while "Ctrl-C stops everything" not in console.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"The portal did not start:\n{console.read_text()[-3000:]}")
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()
