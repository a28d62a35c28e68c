"""Portals of three kinds, one at a time, and the original's own example as files.

A module says which portal it wants: PORTAL = "docker", or a parametrized fixture `portal`. Tests are put in such an
order that each portal is started once; it is ended, with everything it made, before the next one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import scoring
from tests.journeys.portal_process import ROOT, PortalProcess
from tests.real_parts import POSTGRES_URL, REDIS_URL, chromium

HERE = Path(__file__).parent
#: docker: what a machine with an engine gets; process: one without; team: an engine, PostgreSQL and Redis
KINDS = ("docker", "team", "process")
MODULES = ("test_newcomer", "test_keyboard", "test_original_example", "test_new_version", "test_service_contract", "test_restart")
CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
MEASURED = pytest.StashKey[list]()
RUNNING: list[PortalProcess] = []


def _place(item: pytest.Item) -> tuple[int, int]:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    kind = parameters.get("portal") or getattr(item.module, "PORTAL", KINDS[0])
    module = item.module.__name__.rpartition(".")[2]
    return KINDS.index(kind), MODULES.index(module) if module in MODULES else len(MODULES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [index for index, item in enumerate(items) if item.path.parent == HERE]
    ordered = sorted((items[index] for index in places), key=_place)
    for index, item in zip(places, ordered, strict=True):
        items[index] = item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if report.failed:
        for portal in RUNNING:
            portal.failed = True
            report.sections.append(("What the portal said", f"{portal.console}\n{portal.logs()}"))
    return report


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if said := config.stash.get(MEASURED, []):
        terminalreporter.section("measured on the journeys")
        for line in said:
            terminalreporter.line(line)


@pytest.fixture
def measured(request):
    """measured(sentence): shown at the end of the run."""
    return request.config.stash.setdefault(MEASURED, []).append


@dataclass
class Portals:
    """get(kind) starts that portal, after ending the one that runs."""

    kind: str = ""
    portal: PortalProcess | None = None
    broken: set[str] = field(default_factory=set)
    after: list = field(default_factory=list)

    def get(self, kind: str) -> PortalProcess:
        assert kind not in self.broken, f"the portal of the kind {kind} did not start, as an earlier test says"
        if kind != self.kind:
            self.end()
            self.kind = kind
            settings = {"docker": {}, "process": {"MODELPORT_TARGET": "process"}, "team": {}}[kind]
            if kind == "team":
                settings = {"MODELPORT_DATABASE_URL": self._database(), "MODELPORT_BROKER_URL": self._broker()}
            self.portal = PortalProcess(kind, **settings)
            RUNNING[:] = [self.portal]
            # The demo runs once: with processes, where its packages are also what the other tests need.
            self.broken.add(kind)
            self.portal.start(*([] if kind == "process" else ["--no-demo"]))
            self.broken.remove(kind)
        assert self.portal.process.poll() is None, f"the portal has ended:\n{self.portal.console}"
        return self.portal

    def end(self) -> None:
        if self.portal is not None:
            self.portal.remove()
            self.portal, self.kind = None, ""
            RUNNING.clear()
        while self.after:
            self.after.pop()()

    def _database(self) -> str:
        import psycopg

        name = f"modelport_{uuid.uuid4().hex[:12]}"

        def run(statement: str) -> None:
            with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
                connection.execute(statement)

        run(f'CREATE DATABASE "{name}"')
        self.after.append(lambda: run(f'DROP DATABASE "{name}" WITH (FORCE)'))
        return f"{POSTGRES_URL.rpartition('/')[0]}/{name}"

    def _broker(self) -> str:
        """An empty number of the Redis server: in a shared one another portal's workers would take the messages."""
        import redis

        address = REDIS_URL.rpartition("/")[0]
        number = next(number for number in range(15, 0, -1) if not redis.Redis.from_url(f"{address}/{number}").dbsize())
        self.after.append(redis.Redis.from_url(f"{address}/{number}").flushdb)
        return f"{address}/{number}"


@pytest.fixture(scope="session")
def portals():
    found = Portals()
    try:
        yield found
    finally:
        found.end()


@pytest.fixture(scope="module")
def portal(request, portals) -> PortalProcess:
    return portals.get(request.module.PORTAL)


# A module's, because the event loop that Playwright keeps running in this thread is in the way of tests of other things.
@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    # pytest-django's guard looks for a running event loop, and Playwright's synchronous side is one.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM)
        yield started
        started.close()


@pytest.fixture(scope="module")
def page(browser, portal):
    """One person's page. `page.faults` holds what went wrong in it: errors of scripts and everything on the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda message: page.faults.append(message.text) if message.type in ("error", "warning") else None)
    yield page
    context.close()


@dataclass(frozen=True)
class Example:
    """The original's example in a folder of its author's: `model` answers plain names, `better` those of the first data set."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model.pkl"

    @property
    def better(self) -> Path:
        return self.folder / "better" / "model.pkl"

    def text(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def recipe(self) -> dict[str, tuple[str, bytes]]:
        """The small files of a manifest, for a multipart form."""
        names = {"driver": "score.py", "schema": "service_schema.json", "dependencies": "requirements.txt"}
        return {field: (name, self.text(name)) for field, name in names.items()}


@pytest.fixture(scope="session")
def example(tmp_path_factory) -> Example:
    """Trained, and its schema written, by really running its scripts, with the packages that its requirements.txt names."""
    folder = tmp_path_factory.mktemp("original")
    for name in ("train.py", "score.py"):
        shutil.copy(HERE / "original" / name, folder)
    shutil.copy(ROOT / "demo" / "iris" / "requirements.txt", folder)
    (folder / "better").mkdir()
    environment, uv = folder / "environment", Path(sys.executable).with_name("uv")
    python = environment / "bin" / "python"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # scikit-learn's own packages come with it; the runtime stands beside it as the original's SDK did.
    write_schema = "import runpy, scoring.shims; scoring.shims.install(); runpy.run_path('score.py', run_name='__main__')"
    for command, where in (
        ([uv, "venv", "--quiet", "--python", sys.executable, environment], folder),
        ([uv, "pip", "install", "--quiet", "--python", python, "-r", "requirements.txt", *scoring.requirements()], folder),
        ([python, "train.py"], folder),
        ([python, folder / "train.py", "Iris-"], folder / "better"),
        ([python, "-c", write_schema], folder),
    ):
        done = subprocess.run(
            [str(word) for word in command],
            cwd=where,
            env=kept | {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(environment / "compiled")},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    with suppress(OSError):
        shutil.rmtree(environment)
    return Example(folder)
