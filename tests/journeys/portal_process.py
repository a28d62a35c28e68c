"""A whole portal for tests: `manage.py start` as a person types it, on a data folder and ports of its own.

Nothing in it is replaced. What it says is kept; what it makes in an engine is removed at the end by its installation's label.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("MODELPORT_PORT", "MODELPORT_GATEWAY_PORT", "MODELPORT_OBSERVER_PORT")
#: what a machine needs to reach packages and its engine at all; every other setting is the portal's default
KEPT = {"MODELPORT_INDEX_URL", "MODELPORT_CA_BUNDLE", "MODELPORT_DOCKER_HOST"}
#: seconds a cold start, a first build, or the demo may take beside other work on a small machine
PATIENCE = 300
PASSWORD = "a long pass phrase 7"


def free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def until(condition: Callable[[], object], seconds: float, what: str = "it"):
    """The first true value of `condition`, or a failure that says what did not happen."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            if last := condition():
                return last
        except (httpx.HTTPError, OSError) as error:
            last = error
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds:g} s (last: {last!r})")


class PortalProcess:
    """`settings` are MODELPORT_* variables; `failed` is set when a test was; `console` is what was printed since the last start."""

    def __init__(self, name: str, **settings: str):
        self.name, self.failed = name, False
        self.folder = Path(tempfile.mkdtemp(prefix=f"modelport-{name}-"))
        self.data, self.output = self.folder / "data", self.folder / "console.txt"
        kept = {key: value for key, value in os.environ.items() if key in KEPT or not key.startswith(("MODELPORT_", "DJANGO_", "PYTEST_"))}
        ports = dict(zip(PORTS, map(str, free_ports(3)), strict=True))
        self.environment = {**kept, "MODELPORT_DATA": str(self.data), **ports, **settings}
        self.url, self.gateway, _ = (f"http://127.0.0.1:{port}" for port in ports.values())
        self.process: subprocess.Popen | None = None
        self._browser: httpx.Client | None = None
        self._rest: httpx.Client | None = None

    # -- as a person at the console -------------------------------------------

    def start(self, *words: str) -> float:
        """Returns the seconds until the last line was printed."""
        begun = time.monotonic()
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "start", *words],
                cwd=ROOT,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.wait_for(r"Ctrl-C stops everything")
        if "when pasted" in self.console:
            self.wait_for(r"(?m)^curl .*\n")
        return time.monotonic() - begun

    @property
    def console(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def wait_for(self, pattern: str) -> re.Match:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.console)):
            assert self.process.poll() is None, f"the portal ended:\n{self.console}"
            assert time.monotonic() < deadline, f"{pattern} did not appear in:\n{self.console}\n{self.logs()}"
            time.sleep(0.1)
        return found

    def family(self, words: str) -> list[psutil.Process]:
        """The portal's processes whose command line holds these words."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if words in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def strays(self) -> list[psutil.Process]:
        """Processes of any parent that name this portal's folder."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and any(str(self.folder) in word for word in process.cmdline()):
                    found.append(process)
        return found

    def stop(self) -> None:
        """Ctrl-C."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(90)
        self.process.kill()
        self.process.wait()

    def logs(self, lines: int = 10) -> str:
        """The end of each process's log."""
        parts = []
        for path in sorted((self.data / "logs").glob("*.log")):
            # The clock's beat is on every page of a worker's log.
            said = [line for line in path.read_text(errors="replace").splitlines() if ".tick[" not in line][-lines:]
            if said:
                parts.append("\n".join([f"--- {path}", *said]))
        return "\n".join(parts)

    def remove(self) -> None:
        """Ends it and takes everything away that it made, here and in the engine; after a failure its logs stay."""
        label = self.data / "installation"
        installation = label.read_text().strip() if label.exists() else ""
        for client in (self._browser, self._rest):
            if client is not None:
                client.close()
        self.stop()
        for process in self.strays():
            with suppress(psutil.Error):
                process.kill()
        if installation:
            remove_from_engine(installation)
        if self.failed:
            with suppress(FileNotFoundError):
                shutil.move(self.data / "logs", self.folder / "logs")
            shutil.rmtree(self.data, ignore_errors=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- as people and programs -------------------------------------------------

    @property
    def link(self) -> str:
        """The one-time page of the first administrator, as printed."""
        return self.wait_for(r"First administrator +(\S+)")[1]

    @property
    def browser(self) -> httpx.Client:
        """Pages as the administrator `ada`, without script; the account is made through the printed link the first time."""
        if self._browser is None:
            self._browser = httpx.Client(base_url=self.url, timeout=60, follow_redirects=True)
            if "First administrator" in self.console and "works once" in self._browser.get(self.link).text:
                made = self.submit(self.link, username="ada", password=PASSWORD, again=PASSWORD)
            else:
                made = self.submit("/accounts/login/", login="ada", password=PASSWORD)
            assert made.status_code == 200 and "Sign out" in made.text, made.text[-2000:]
        return self._browser

    def submit(self, page: str, **fields: str) -> httpx.Response:
        """Opens a page, fills its form and sends it."""
        hidden = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self._browser.get(page).text)
        assert hidden, f"{page} has no form"
        return self._browser.post(page, data={"csrfmiddlewaretoken": hidden[1], **fields})

    @property
    def rest(self) -> httpx.Client:
        """/api/v1 with a personal token of the administrator."""
        if self._rest is None:
            made = self.browser.post(
                "/api/v1/tokens/", json={"name": "journeys"}, headers={"X-CSRFToken": self.browser.cookies["modelport-csrf"]}
            )
            assert made.status_code == 201, made.text
            self._rest = httpx.Client(
                base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {made.json()['value']}"}, timeout=60
            )
        return self._rest

    def ask(self, method: str, path: str, status: int, **options) -> dict:
        answer = self.rest.request(method, path, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json() if answer.content else {}

    def new_group(self, name: str) -> str:
        """The path of a new resource group; the administrator is its Owner, and it has an environment that works here."""
        self.ask("POST", "/groups/", 201, json={"name": name})
        return f"/groups/{name}"

    def finish(self, operation: dict, group: str, *, state: str = "Succeeded") -> list[dict]:
        """Waits for an operation and those that follow it, and answers them as they ended."""
        found, following = [], operation["id"]
        while following:
            path = f"{group}/operations/{following}/"
            ended = until(
                lambda path=path: (now := self.ask("GET", path, 200))["state"] in ("Succeeded", "Failed", "Cancelled") and now,
                PATIENCE,
                f"the end of {operation['label']}",
            )
            assert ended["state"] == state, f"{ended['label']} {ended['state']}:\n{json.dumps(ended, indent=1)}"
            found.append(ended)
            following = ended["next"]
        return found

    def score(self, path: str, key: str | None, body: object, client: httpx.Client | None = None) -> tuple[int, object]:
        """One call through the gateway; `path` is group/service. 0 and the reason when no answer came."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            answer = (client or httpx).post(f"{self.gateway}/{path}/score", json=body, headers=headers, timeout=60)
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError) as error:
            return 0, repr(error)


def remove_from_engine(installation: str) -> None:
    """Containers, networks and images that carry the installation's label; nothing when no engine answers."""
    import docker

    try:
        client = docker.from_env()
    except docker.errors.DockerException:
        return
    wanted = {"label": f"modelport={installation}"}
    for container in client.containers.list(all=True, filters=wanted):
        with suppress(docker.errors.APIError):
            container.remove(force=True, v=True)
    for network in client.networks.list(filters=wanted):
        with suppress(docker.errors.APIError):
            network.remove()
    # A second round takes what others stood on; what another installation has built upon stays.
    for _ in range(2):
        for image in client.images.list(filters=wanted):
            for name in image.tags or [image.id]:
                with suppress(docker.errors.APIError):
                    client.images.remove(name)
    client.close()
