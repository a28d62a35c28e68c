"""`manage.py start` as a person meets it: a real portal on a data folder of its own, from the first line to Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from portal.supervisor.install import ROOT

PORTS = ("MODELPORT_PORT", "MODELPORT_GATEWAY_PORT", "MODELPORT_OBSERVER_PORT")
#: a cold start beside other work on a small machine
PATIENCE = 200


def free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """What a person's shell would have: ports and a folder, and nothing of the test run's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELPORT_", "DJANGO_"))}
    return {**kept, "MODELPORT_DATA": str(tmp_path / "data"), **dict(zip(PORTS, map(str, free_ports(3)), strict=True))}


def manage(*words: str, environment: dict[str, str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, **options
    )


class Console:
    """A started portal and what it has said."""

    def __init__(self, environment: dict[str, str], *words: str):
        self.output = Path(environment["MODELPORT_DATA"]).parent / f"console-{time.time_ns()}.txt"
        self.file = self.output.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "start", *words],
            cwd=ROOT,
            env=environment,
            stdout=self.file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, pattern: str) -> re.Match:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text)):
            assert self.process.poll() is None, f"it ended:\n{self.text}"
            assert time.monotonic() < deadline, f"{pattern} did not appear in:\n{self.text}"
            time.sleep(0.1)
        return found

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
            self.process.kill()
        self.file.close()


@pytest.fixture
def start(environment):
    started = []

    def begin(*words: str) -> Console:
        started.append(Console(environment, *words))
        return started[-1]

    yield begin
    for console in started:
        console.close()


def ask(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_portal_comes_up_heals_refuses_a_second_one_and_ends_at_ctrl_c(environment, start):
    console = start("--no-demo")
    link = console.wait_for(r"First administrator +(\S+)")[1]
    console.wait_for("Ctrl-C stops everything")
    portal, gateway = (f"http://127.0.0.1:{environment[name]}" for name in PORTS[:2])
    assert f"Portal               {portal}\n" in console.text
    assert "services may also run as processes of this machine" in console.text
    assert link.startswith(f"{portal}/setup/")
    assert ask(link)[0] == 200
    assert ask(f"{portal}/healthz") == (200, b"ok\n")
    status, body = ask(f"{gateway}/nobody/nothing/score")
    assert (status, json.loads(body)["statusCode"]) == (404, 404)

    key = Path(environment["MODELPORT_DATA"]) / "secret_key"
    assert key.stat().st_mode & 0o777 == 0o400

    second = manage("start", environment=environment)
    assert second.returncode == 1
    assert re.fullmatch(
        r"CommandError: The portal is already running on \S+ \(process \d+\): \S+  Stop it with: make stop\n", second.stderr
    )

    quiet = console.text
    worker = next(child for child in console.family() if "build@modelport" in child.cmdline())
    worker.kill()
    console.wait_for(r"worker-build ended \(terminated by SIGKILL\) and is started again\. Its last line in .*worker-build\.log: .+")
    console.wait_for(r"worker-build is running again\.")
    assert console.text.removeprefix(quiet).count("\n") == 2, "one line for a death, one for the recovery, and nothing else"

    family = console.family()
    assert len(family) >= 8
    began = time.monotonic()
    console.process.send_signal(signal.SIGINT)
    assert console.process.wait(60) == 0
    assert time.monotonic() - began < 25
    assert console.text.endswith("Stopping.\nStopped.\n")
    assert [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def test_a_taken_port_is_one_line(environment):
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environment["MODELPORT_PORT"])))
        other.listen()
        done = manage("start", environment=environment)
    assert done.returncode == 1
    port = environment["MODELPORT_PORT"]
    assert re.fullmatch(
        rf"CommandError: MODELPORT_PORT {port} is taken by another program; choose another: make run MODELPORT_PORT=\d+\n", done.stderr
    )
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MODELPORT_PORT", "eighty", r"MODELPORT_PORT='eighty' cannot be used: expected a whole number from 1 to 65535\."),
        ("MODELPORT_URL", "models", r"MODELPORT_URL='models' cannot be used: expected an address like https://models\.example\.org\."),
        ("MODELPORT_DATA", "/proc/nowhere", r"MODELPORT_DATA=.* cannot be used: expected a folder that can be written .*"),
        ("MODELPORT_SECRET_KEY", "short", r"MODELPORT_SECRET_KEY is too short: use at least 40 random characters\."),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_with_its_name(environment, name, value, words):
    done = manage("start", environment={**environment, name: value})
    assert done.returncode == 1
    assert re.fullmatch(words + r"\n", done.stderr)


def test_stopping_what_does_not_run_says_so(environment):
    done = manage("stop", environment=environment)
    assert (done.returncode, done.stdout) == (0, f"No portal is running on {environment['MODELPORT_DATA']}.\n")
