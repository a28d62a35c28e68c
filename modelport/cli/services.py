"""modelport service ... realtime"""

import json
import shlex
import sys
from enum import Enum
from typing import Any, Optional

import typer

from ..services import Service
from ..uploads import existing, fault
from . import onestep
from . import options as o
from .session import Session, command, given, part

app = part("Services: stable addresses with two keys, running one image.")
COLUMNS = ("name", "id", "state", "image", "replicas", "readyReplicas", "updatedAt", "scoringUri")


class Standing(str, Enum):
    running = "running"
    trouble = "trouble"
    stopped = "stopped"


class Slot(str, Enum):
    primary = "Primary"
    secondary = "Secondary"


def chosen(
    num_replicas,
    cpu,
    memory,
    gpus,
    workers,
    access,
    open_page,
    allowed_origin,
    call_timeout,
    collect_model_data,
    collect_rule,
    collect_days,
) -> dict:
    found = given(
        replicas=num_replicas,
        cpu=cpu,
        memory=memory,
        gpus=gpus,
        workers=workers,
        access=access.value if access else None,
        open_page=o.flag(open_page),
        allowed_origins=allowed_origin,
        timeout=call_timeout,
        collect_model_data=o.flag(collect_model_data),
        collect_days=collect_days,
    )
    if collect_rule:
        found["collect_rules"] = [o.rule(each) for each in collect_rule if each != "none"]
    return found


def the(session: Session, name: Optional[str], id: Optional[str]) -> Service:
    """The service that -n or -i says."""
    if bool(name) == bool(id):
        raise fault("name", "Say which service: -n NAME, or -i ID.")
    return session.portal.services.get(name or id or "")


@command(app, "create", COLUMNS)
def create(
    session: Session,
    kind: o.Kind = o.KIND,
    name: str = typer.Option(..., "-n", "--name", help="Its name, which is a part of its address."),
    image_id: Optional[str] = o.IMAGE_ID,
    model_file: list[str] = o.MODEL_FILE,
    driver: Optional[str] = o.DRIVER,
    runtime: str = o.RUNTIME,
    schema_file: Optional[str] = o.SCHEMA,
    pip_file: Optional[str] = o.PIP,
    conda_file: Optional[str] = o.CONDA,
    dependency: list[str] = o.DEPENDENCY,
    python: Optional[str] = o.PYTHON,
    num_replicas: Optional[int] = o.REPLICAS,
    cpu: Optional[str] = o.CPU,
    memory: Optional[str] = o.MEMORY,
    gpus: Optional[str] = o.GPUS,
    workers: Optional[int] = o.WORKERS,
    access: Optional[o.Access] = o.ACCESS,
    open_page: Optional[o.Choice] = o.OPEN_PAGE,
    allowed_origin: list[str] = o.ORIGIN,
    call_timeout: Optional[int] = o.CALL_TIMEOUT,
    collect_model_data: Optional[o.Choice] = o.COLLECT,
    collect_rule: list[str] = o.COLLECT_RULE,
    collect_days: Optional[int] = o.COLLECT_DAYS,
    environment: str = o.ENVIRONMENT,
    description: str = o.DESCRIPTION,
    wait: bool = o.WAIT,
):
    """Start a service, from an image or from files in one step. Its two keys are in the answer and nowhere else."""
    unregistered = {
        "driver": driver,
        "model_file": model_file,
        "schema": schema_file,
        "pip_file": pip_file,
        "conda_file": conda_file,
        "files": dependency,
    }
    onestep.refuse_both("--image-id", image_id, **unregistered)
    settings = chosen(
        num_replicas,
        cpu,
        memory,
        gpus,
        workers,
        access,
        open_page,
        allowed_origin,
        call_timeout,
        collect_model_data,
        collect_rule,
        collect_days,
    )
    if image_id:
        operation = session.portal.services.create(name, image_id, environment=environment, **settings, **given(description=description))
    else:
        files = unregistered.pop("model_file"), unregistered.pop("driver")
        more = given(runtime=runtime, python=python, environment=environment, description=description, **unregistered)
        operation = onestep.deploy(session, name, *files, **more, **settings)
    made = session.follow(operation, wait)
    if wait:
        session.say(f"Call it: modelport service run realtime -n {name}\nMore: modelport service usage realtime -n {name}")
    return made


@command(app, "list", COLUMNS)
def list_services(
    session: Session,
    kind: o.Kind = o.KIND,
    state: Optional[Standing] = typer.Option(
        None, "--state", help="Only those that run, are in trouble, or are stopped.", show_default=False
    ),
):
    """The group's services."""
    return session.portal.services.list(**given(state=state.value if state else None))


@command(app, "show", COLUMNS)
def show(session: Session, kind: o.Kind = o.KIND, name: Optional[str] = o.SERVICE_NAME, id: Optional[str] = o.SERVICE_ID):
    """One service: its state, image and address."""
    return the(session, name, id)


@command(app, "update", COLUMNS)
def update(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    image_id: Optional[str] = o.IMAGE_ID,
    num_replicas: Optional[int] = o.REPLICAS,
    cpu: Optional[str] = o.CPU,
    memory: Optional[str] = o.MEMORY,
    gpus: Optional[str] = o.GPUS,
    workers: Optional[int] = o.WORKERS,
    access: Optional[o.Access] = o.ACCESS,
    open_page: Optional[o.Choice] = o.OPEN_PAGE,
    allowed_origin: list[str] = o.ORIGIN,
    call_timeout: Optional[int] = o.CALL_TIMEOUT,
    collect_model_data: Optional[o.Choice] = o.COLLECT,
    collect_rule: list[str] = o.COLLECT_RULE,
    collect_days: Optional[int] = o.COLLECT_DAYS,
    description: str = o.DESCRIPTION,
    wait: bool = o.WAIT,
):
    """Change image or settings; what is left out stays. Address and keys never change."""
    changes = chosen(
        num_replicas,
        cpu,
        memory,
        gpus,
        workers,
        access,
        open_page,
        allowed_origin,
        call_timeout,
        collect_model_data,
        collect_rule,
        collect_days,
    )
    changes.update(given(description=description, image=image_id))
    if not changes:
        raise fault("image", "Say what to change: --image-id, -z, --cpu, --memory ...")
    service = the(session, name, id)
    operation = service.update(**changes)
    return session.follow(operation, wait) if operation else service


@command(app, "scale", COLUMNS)
def scale(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    num_replicas: int = typer.Option(..., "-z", "--num-replicas", help="Number of replicas."),
    wait: bool = o.WAIT,
):
    """Another number of replicas."""
    service = the(session, name, id)
    operation = service.scale(num_replicas)
    return session.follow(operation, wait) if operation else service


@command(app, "stop", COLUMNS)
def stop(
    session: Session, kind: o.Kind = o.KIND, name: Optional[str] = o.SERVICE_NAME, id: Optional[str] = o.SERVICE_ID, wait: bool = o.WAIT
):
    """Stop the replicas; address and keys are kept."""
    return session.follow(the(session, name, id).stop(), wait)


@command(app, "start", COLUMNS)
def start(
    session: Session, kind: o.Kind = o.KIND, name: Optional[str] = o.SERVICE_NAME, id: Optional[str] = o.SERVICE_ID, wait: bool = o.WAIT
):
    """Start a stopped service."""
    return session.follow(the(session, name, id).start(), wait)


@command(app, "follow", ("service", "alias", "version", "state", "stateDetail", "operation"))
def follow(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    alias: Optional[str] = typer.Option(None, "--alias", help="The alias to follow: iris@champion.", show_default=False),
    pause: bool = typer.Option(False, "--pause", help="The alias may be moved and the service stays."),
    resume: bool = typer.Option(False, "--resume", help="End a pause, or begin again what failed."),
    end: bool = typer.Option(False, "--end", help="Follow nothing any more."),
    wait: bool = o.WAIT,
):
    """Update a service by itself whenever an alias is moved; without options, how it stands."""
    if sum((alias is not None, pause, resume, end)) > 1:
        raise fault("alias", "Say one of --alias, --pause, --resume and --end.")
    service = the(session, name, id)
    if end:
        service.stop_following()
        return {"service": service.name, "alias": None}
    if pause:
        return service.pause_following()
    operation = service.follow(alias) if alias else service.catch_up() if resume else None
    if operation:
        session.follow(operation, wait)
    return service.followed()


@command(app, "delete")
def delete(
    session: Session, kind: o.Kind = o.KIND, name: Optional[str] = o.SERVICE_NAME, id: Optional[str] = o.SERVICE_ID, wait: bool = o.WAIT
):
    """Delete a service; its image stays."""
    service = the(session, name, id)
    return session.follow(service.delete(), wait, deleted=service.name)


@command(app, "run")
def run(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    data: str = typer.Option(
        "",
        "-d",
        "--data",
        help="The request body; @FILE reads a file, @- standard input. The schema's sample if left out.",
        show_default=False,
    ),
    key: Optional[str] = typer.Option(
        None, "--key", help="A key of the service; a session key of your own if left out.", show_default=False
    ),
):
    """Call a service and print its answer."""
    service = the(session, name, id)
    body: Any = _body(data) if data else service.sample()
    if body is None:
        raise fault("data", f"{service.name} has no sample; say what to send with -d.")
    return service.score(body, key=key)


def _body(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode()
    return sys.stdin.buffer.read() if data == "@-" else existing(data[1:], "data").read_bytes()


@command(app, "keys", ("slot", "keyId", "lastFour", "createdAt", "lastUsedAt"))
def keys(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    regen: bool = typer.Option(False, "-r", "--regen", help="Make a new value; needs -k."),
    key: Optional[Slot] = typer.Option(None, "-k", "--key", help="Which one to make anew.", case_sensitive=False, show_default=False),
    grace_hours: int = typer.Option(0, "--grace-hours", min=0, max=168, help="How long the old value goes on."),
):
    """The two keys without their values, or a new value, shown this once."""
    service = the(session, name, id)
    if not regen:
        return service.keys()
    if key is None:
        raise fault("key", "Say which key to make anew: -k Primary or -k Secondary.")
    return {"slot": key.value.lower(), "value": service.regenerate_key(key.value, grace_hours)}


@command(app, "usage")
def usage(session: Session, kind: o.Kind = o.KIND, name: Optional[str] = o.SERVICE_NAME, id: Optional[str] = o.SERVICE_ID):
    """Addresses, headers, and calls to paste."""
    service = the(session, name, id)
    body = json.dumps(service.sample() or {})
    secured = "" if service.access == "public" else " -H 'Authorization: Bearer KEY'"
    lines = [
        f"Scoring URL: {service.scoring_uri}",
        "Headers: Content-Type: application/json" + ("" if service.access == "public" else "; Authorization: Bearer KEY"),
        f"Swagger URL: {service.swagger_uri}",
        f"Command line: modelport service run realtime -n {service.name} -d {shlex.quote(body)}",
        f"curl: curl -sS {shlex.quote(service.scoring_uri)}{secured} -H 'Content-Type: application/json' -d {shlex.quote(body)}",
        f"Logs: modelport service logs realtime -n {service.name}",
    ]
    return "\n".join(lines)


@command(app, "logs")
def logs(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    max_lines: int = typer.Option(5000, "-l", "--max-lines", min=1, max=5000, help="At most so many, the last ones."),
    request_id: Optional[str] = typer.Option(None, "-r", "--request-id", help="Only lines with this request id.", show_default=False),
    level: Optional[str] = typer.Option(None, "--level", help="This level and graver ones: INFO, WARNING, ERROR ...", show_default=False),
    search: Optional[str] = typer.Option(None, "--search", help="Only lines that hold this text.", show_default=False),
    start: Optional[str] = typer.Option(None, "--from", help="After this time: 2026-05-03T14:00:00Z.", show_default=False),
    end: Optional[str] = typer.Option(None, "--to", help="Before this time.", show_default=False),
):
    """What the replicas wrote, merged by time."""
    narrowed = given(request_id=request_id, level=level, q=search, start=start, end=end)
    return "\n".join(_spoken(line) for line in the(session, name, id).log_lines(max_lines, **narrowed))


def _spoken(line: dict[str, Any]) -> str:
    """`time LEVEL message [request id]` of a line that the runtime wrote as JSON; other lines as they are."""
    if line.get("message") in (None, line["text"]):
        return f"{line['at']} {line['text']}"
    words = [line["at"], line.get("level"), line["message"], f"[{line['requestId']}]" if line.get("requestId") else ""]
    return " ".join(filter(None, words))


@command(app, "metrics", ("calls", "callsPerMinute", "errors", "errorPercent", "p50Ms", "p95Ms", "p99Ms"))
def metrics(
    session: Session,
    kind: o.Kind = o.KIND,
    name: Optional[str] = o.SERVICE_NAME,
    id: Optional[str] = o.SERVICE_ID,
    range: str = typer.Option("1h", "--range", help="The time until now: 15m, 6h, 30d or the like."),
    start: Optional[str] = typer.Option(None, "--from", help="Instead of --range: 2026-05-03T14:00:00Z.", show_default=False),
    end: Optional[str] = typer.Option(None, "--to", help="With --from; now if left out.", show_default=False),
    step: Optional[int] = typer.Option(None, "--step", help="Seconds a point covers, a multiple of 10.", show_default=False),
    revision: Optional[int] = typer.Option(None, "--revision", help="Only this revision.", show_default=False),
    key: Optional[str] = typer.Option(None, "--key", help="Only this key: primary, secondary, session, or its id.", show_default=False),
    replica: Optional[str] = typer.Option(None, "--replica", help="CPU, memory and load of this replica alone.", show_default=False),
    compare: bool = typer.Option(False, "--compare", help="With --points: the time before, too."),
    csv: bool = typer.Option(False, "--csv", help="Every point, as CSV."),
    points: bool = typer.Option(False, "--points", help="Every point, as JSON columns."),
):
    """Calls, latencies and errors: their totals, or every point."""
    service = the(session, name, id)
    narrowed = given(start=start, end=end, step=step, revision=revision, key=key, replica=replica, compare="1" if compare else None)
    if csv:
        return service.metrics_csv(range, **narrowed)
    found = service.metrics(range, **narrowed)
    return found if points else found["totals"]
