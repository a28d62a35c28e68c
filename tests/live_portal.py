"""A real portal's web process (granian, one worker) with a data folder of its own, for tests and benchmarks that measure it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx
import psutil

from portal.supervisor.web import MEMORY, SERVER

ROOT = Path(__file__).resolve().parents[1]
PREPARE = """
import json
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("createcachetable", verbosity=0)
from portal.accounts import actions
from portal.accounts.models import Membership, ResourceGroup, User
group = ResourceGroup.objects.create(name="demo")
user = User.objects.create(username="someone")
Membership.objects.create(group=group, user=user, role="owner")
reader = User.objects.create(username="reader")
Membership.objects.create(group=group, user=reader, role="reader")
print(json.dumps({who.username: actions.issue_token(user=who, name="test")[1] for who in (user, reader)}))
"""
#: the names with hashes that pages ask for, without the minute that compressing takes
COLLECT = """
from django.conf import settings
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
call_command("collectstatic", verbosity=0, interactive=False)
"""
SIGN_IN = """
from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from portal.accounts.models import User
user, store = User.objects.get(username={who!r}), SessionStore()
store[SESSION_KEY] = str(user.pk)
store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
store[HASH_SESSION_KEY] = user.get_session_auth_hash()
store.create()
print(store.session_key)
"""


@dataclass
class LivePortal:
    url: str
    data: Path
    tokens: dict[str, str]
    process: subprocess.Popen | None
    environment: dict[str, str]

    def client(self, who: str = "someone", **options) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120, **options)

    def memory(self) -> int:
        """Resident bytes of the web process and its workers."""
        main = psutil.Process(self.process.pid)
        return sum(process.memory_info().rss for process in [main, *main.children(recursive=True)])

    def staged(self) -> list[Path]:
        return [path for path in (self.data / "staging").iterdir() if path.is_file()]

    def blobs(self) -> list[Path]:
        folder = self.data / "blobs"
        return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []

    def kill_and_restart(self) -> None:
        """SIGKILL for every process of it, as when the machine runs out of memory; then it comes up again at the same address."""
        main = psutil.Process(self.process.pid)
        for process in [*main.children(recursive=True), main]:
            process.kill()
        self.process.wait(10)
        self.process = _start(self.data, self.url, self.environment)

    def session(self, who: str = "someone") -> str:
        """The session cookie of somebody who is signed in."""
        return self.run(SIGN_IN.format(who=who)).split()[-1]

    def run(self, code: str) -> str:
        """The standard output of Python code with the portal's settings."""
        return _python(code, self.environment)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _python(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return done.stdout


@contextmanager
def live_portal(data: Path, *, pages: bool = False, **variables: str):
    """Starts it, yields a LivePortal, and ends it; `variables` are MODELPORT_ settings. With `pages`, a browser finds styles and scripts."""
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MODELPORT_", "DJANGO_", "PYTEST_"))}
    environment |= {
        "MODELPORT_DATA": str(data),
        "MODELPORT_PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "PYTHONPATH": str(ROOT),
    }
    environment |= {f"MODELPORT_{key}": value for key, value in variables.items()}
    tokens = json.loads(_python(PREPARE + (COLLECT if pages else ""), environment).splitlines()[-1])
    portal = LivePortal(f"http://127.0.0.1:{port}", data, tokens, None, environment)
    try:
        portal.process = _start(data, portal.url, environment)
        yield portal
    finally:
        if portal.process is not None:
            _end(portal.process)


def _start(data: Path, url: str, environment: dict[str, str]) -> subprocess.Popen:
    port = url.rpartition(":")[2]
    command = [*SERVER, "--host", "127.0.0.1", "--port", port]
    with open(data / "web.log", "ab") as log:
        process = subprocess.Popen(
            [*command, "--workers", "1", "--log-level", "warning", "portal.asgi:application"],
            env=environment | MEMORY,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + 180
    while True:
        try:
            if httpx.get(f"{url}/healthz", timeout=5).status_code == 200:
                return process
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            _end(process)
            raise RuntimeError((data / "web.log").read_text()[-3000:])
        time.sleep(0.2)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
