"""The Iris example, from training to a service, through the same actions as everybody's.

It acts as the system in the group `demo`; the first administrator becomes that group's Owner. What it made is kept in
MODELPORT_DATA/quickstart.env: a later run finishes what was interrupted, and does nothing when all is there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

import scoring
from deployments import engines
from deployments.actions.deploy import Deployed, deploy
from deployments.actions.services import regenerate_key
from deployments.models import Environment, Operation, Revision, Service, ServiceKey
from portal.accounts.actions import create_resource_group, system_user
from portal.accounts.models import ResourceGroup
from portal.errors import PortalError
from portal.supervisor.closing import Quickstart
from registry.storage import Incoming
from scoring import schema as schemas

GROUP, NAME = "demo", "iris"
SOURCES = settings.ROOT / "demo" / "iris"
#: how long a build and a rollout together may take before the console gives up on them; they go on
TIMEOUT_SECONDS = 30 * 60

#: run by the training environment's Python: the names that score.py imports are found in the runtime, as in an image
WRITE_SCHEMA = "import runpy, scoring.shims; scoring.shims.install(); runpy.run_path('score.py', run_name='__main__')"


class QuickstartFailed(PortalError):
    """The example did not come to its end; the message says why."""

    status, code = 500, "QuickstartFailed"


class Console:
    """One line a step: its title while it runs, its time when it has ended."""

    def __init__(self, write: Callable[[str], None]):
        self.write = write
        self.begun: dict[object, float] = {}

    def begin(self, key: object, title: str) -> None:
        self.begun[key] = time.monotonic()
        self.write(f"  {title:<62}")

    def end(self, key: object, words: str = "") -> None:
        if key in self.begun:
            self.write(f"{words or f'{time.monotonic() - self.begun.pop(key):5.1f} s'}\n")
            self.begun.pop(key, None)


def run(write: Callable[[str], None], *, again: bool = False) -> None:
    """Brings the example to its end, writing its progress; `again` makes the next version of everything.

    Raises PortalError with the reason. Does nothing when the service is there, or was there and was deleted since.
    """
    kept, service = Quickstart.load(), Service.objects.filter(group__name=GROUP, name=NAME, deleting=False).first()
    if not again:
        if service is None and (settings.DATA_DIR / Quickstart.FILE).exists():
            Quickstart.forget()
            return
        if service is not None and kept is not None:
            waiting = service.operations.exclude(state__in=Operation.FINISHED).first() or _building_for(service)
            if waiting is not None:
                write("Going on with the Iris example.\n")
                follow(waiting, Console(write))
                return
            if service.stopped or service.revisions.filter(state=Revision.State.SERVING).exists():
                return
    write("The Iris example, from training to a service:\n")
    console = Console(write)
    folder = settings.DATA_DIR / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    train(folder, console)
    made = send(folder, console)
    key = made.keys.get(ServiceKey.Slot.PRIMARY.value) or (kept.key if kept else "")
    if not key:
        slot = ServiceKey.Slot.PRIMARY
        key = regenerate_key(user=system_user(), service=made.service, slot=slot)
    sample = schemas.read((folder / "service_schema.json").read_bytes()).sample()
    # Kept before it serves: the key is shown this once, and an interrupted start goes on from here.
    Quickstart(f"{GROUP}/{NAME}", key, json.dumps(sample)).save()
    follow(made.operation, console)


def train(folder: Path, console: Console) -> None:
    """Writes model.pkl and service_schema.json into `folder`, with scikit-learn in an environment of its own."""
    environment = folder / "environment"
    python = environment / "bin" / "python"
    for name in ("train.py", "score.py", "requirements.txt"):
        shutil.copy(SOURCES / name, folder / name)
    console.begin("packages", "Install scikit-learn to train with")
    uv = Path(sys.executable).with_name("uv")
    uv = str(uv) if uv.exists() else shutil.which("uv") or "uv"
    _call([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)], folder)
    _call([uv, "pip", "install", "--quiet", "--python", str(python), "-r", "requirements.txt", *scoring.requirements()], folder)
    console.end("packages")
    console.begin("train", "Train the model and write its schema")
    _call([str(python), "train.py", str(folder)], folder)
    _call([str(python), "-c", WRITE_SCHEMA], folder)
    console.end("train")
    shutil.rmtree(environment, ignore_errors=True)


def _call(command: list[str], folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MODELPORT_", "PYTHONDONTWRITE"))}
    # The second run reads what the first has compiled, which is most of its time; nothing of it lands in the checkout.
    environment |= {"PYTHONPATH": str(settings.ROOT), "PYTHONPYCACHEPREFIX": str(folder / "environment" / "compiled")}
    if settings.BUILD_SETTINGS["index_url"]:
        environment["UV_DEFAULT_INDEX"] = settings.BUILD_SETTINGS["index_url"]
    if settings.BUILD_SETTINGS["ca_bundle"]:
        environment["SSL_CERT_FILE"] = settings.BUILD_SETTINGS["ca_bundle"]
    try:
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise QuickstartFailed(f"{Path(command[0]).name} could not be run: {error}") from error
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise QuickstartFailed(f"{Path(command[0]).name} {command[1]} ended with {done.returncode}:\n" + "\n".join(words))


def send(folder: Path, console: Console) -> Deployed:
    """Registers the model, writes the manifest and sends off build and rollout, in the one step that the form and REST have."""
    console.begin("register", "Register model and manifest")
    user = system_user()
    group = ResourceGroup.objects.filter(name=GROUP).first() or create_resource_group(
        user=user, name=GROUP, description="The Iris example of the first start."
    )
    environment: Environment = group.environments.filter(is_default=True).first() or group.environments.first()
    with Incoming() as incoming:
        incoming.write((folder / "model.pkl").read_bytes())
        model = incoming.finish()
    made = deploy(
        user=user,
        group=group,
        name=NAME,
        environment=environment,
        model_files=[("model.pkl", model)],
        driver=("score.py", (folder / "score.py").read_bytes()),
        schema=("service_schema.json", (folder / "service_schema.json").read_bytes()),
        dependencies=("requirements.txt", (folder / "requirements.txt").read_bytes(), None),
        # Processes run under the interpreters of this machine, and this one is sure to be there.
        python=".".join(map(str, sys.version_info[:2])) if environment.target == engines.PROCESS else None,
        description="Names an Iris flower by the measures of its sepals and petals.",
    )
    console.end("register", str(made.manifest))
    return made


def follow(operation: Operation, console: Console) -> None:
    """Shows the steps of an operation and of the one that follows it, as they happen; raises when one fails."""
    shown: set[int] = set()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        operation.refresh_from_db()
        for step in operation.steps.exclude(pk__in=shown):
            if step.pk not in console.begun:
                console.begin(step.pk, step.title)
            if step.ended_at is None:
                break
            shown.add(step.pk)
            console.end(step.pk, f"{step.seconds:5.1f} s" if step.state == step.State.SUCCEEDED else step.get_state_display())
        if operation.is_finished:
            if operation.state != Operation.State.SUCCEEDED:
                raise QuickstartFailed(_why(operation))
            following = Operation.objects.filter(follows=operation).first()
            if following is None:
                return
            operation = following
        elif time.monotonic() > deadline:
            raise QuickstartFailed(f"{operation} has not ended after {TIMEOUT_SECONDS // 60} minutes; its page shows how far it is.")
        else:
            time.sleep(0.25)


def _why(operation: Operation) -> str:
    error = operation.error or {}
    lines = "\n".join(error.get("lines") or [])
    return f"{operation}: {error.get('message') or operation.get_state_display()}" + (f"\n{lines}" if lines else "")


def _building_for(service: Service) -> Operation | None:
    """The unfinished build whose image this service waits for."""
    waiting = Operation.objects.filter(group=service.group, kind=Operation.Kind.IMAGE).exclude(state__in=Operation.FINISHED)
    return next((operation for operation in waiting if (operation.then or {}).get("service") == str(service.pk)), None)
