"""The support bundle: what somebody needs who helps from far away, and nothing that is anybody's own.

No model, request, answer or text of a person is gathered, and everything is masked (`portal.masking`) on its way into the file.
"""

from __future__ import annotations

import io
import json
import logging
import platform
import sys
import zipfile
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone, translation

from deployments import system
from deployments.models import Environment, Operation, Replica, Revision, Service, ServiceKey
from portal.accounts.models import ResourceGroup, Token, User
from portal.masking import Masker, shown_settings
from portal.supervisor.daemon import alive
from registry.models import Asset, Image, Manifest, ModelVersion

log = logging.getLogger(__name__)
OPERATIONS, LOG_LINES, LOG_BYTES = 200, 500, 512 * 1024
README = """Modelport support bundle

versions.json        Python, packages, database, migrations
shown_settings.json  MODELPORT_ variables that were set; secrets are ***
health.json          the parts of the portal, as on the page System
processes.json       what the supervisor runs: memory, threads, since when
counts.json          how many rows of each kind there are
operations.json      the newest operations: states, times and error codes
logs/                the last lines of the portal's own logs

Models, requests, answers, texts and accounts of people are not gathered. Passwords, keys, tokens, e-mail addresses and whatever
looks like one are masked everywhere. Log lines and health.json may name groups, services, environments and files: read them
before you hand this on.
"""


def bundle() -> bytes:
    """A zip file. It takes some seconds: workers are asked whether they are there."""
    # The words are for whoever helps, not for whoever pressed the button.
    with translation.override("en"):
        parts = {f"{part.__name__}.json": _found(part) for part in (versions, shown_settings, health, processes, counts, operations)}
    masker, out = Masker(), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("README.txt", README)
        for name, found in parts.items():
            file.writestr(name, json.dumps(masker.tree(found), indent=2, ensure_ascii=False, default=str))
        for path in sorted(settings.LOG_DIR.iterdir()):
            if path.is_file() and path.suffix in (".log", ".out"):
                file.writestr(f"logs/{path.name}", masker.text(last_lines(path)))
    return out.getvalue()


def _found(part) -> object:
    """A part that cannot be read says so: a bundle is made because something is broken."""
    try:
        return part()
    except Exception as error:
        log.exception("support bundle: %s", part.__name__)
        return {"unreadable": f"{type(error).__name__}: {error}"}


def name() -> str:
    return f"modelport-support-{timezone.now():%Y%m%d-%H%M%S}.zip"


def versions() -> dict:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        database = f"{connection.vendor} {cursor.fetchone()[0]}"
    applied = MigrationRecorder(connection).applied_migrations()
    ours = {"accounts", "registry", "deployments"}
    return {
        "made": timezone.now().isoformat(timespec="seconds"),
        "api": settings.SPECTACULAR_SETTINGS["VERSION"],
        "python": sys.version,
        "platform": platform.platform(),
        "cores": psutil.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "database": database,
        "migrations": sorted(f"{app}.{name}" for app, name in applied if app in ours),
        "packages": dict(sorted((one.name, one.version) for one in metadata.distributions())),
    }


def health() -> list[dict]:
    return [asdict(part) for part in system.parts()]


def processes() -> list[dict]:
    """Empty where something else than `manage.py start` runs the processes."""
    found = []
    for process in alive(settings.DATA_DIR / "run"):
        with suppress(psutil.Error), process.oneshot():
            words = [Path(word).name if word.startswith("/") else word for word in process.cmdline()]
            found.append(
                {
                    "pid": process.pid,
                    "command": words,
                    "status": process.status(),
                    "started": process.create_time(),
                    "rss": process.memory_info().rss,
                    "cpuSeconds": sum(process.cpu_times()[:2]),
                    "threads": process.num_threads(),
                    "files": process.num_fds(),
                    "children": len(process.children(recursive=True)),
                }
            )
    return found


def counts() -> dict:
    models = (
        ResourceGroup,
        User,
        Token,
        Asset,
        ModelVersion,
        Manifest,
        Image,
        Environment,
        Service,
        Revision,
        Replica,
        ServiceKey,
        Operation,
    )
    return {
        "rows": {model._meta.model_name: model.objects.count() for model in models},
        "replicas": dict(Counter(Replica.objects.order_by().values_list("state", flat=True))),
        "targets": dict(Counter(Environment.objects.order_by().values_list("target", flat=True))),
    }


def operations() -> list[dict]:
    """Without what they are about: ids, states and times say enough."""
    rows = Operation.objects.order_by("-created_at").prefetch_related("steps")[:OPERATIONS]
    return [
        {
            "id": row.pk,
            "kind": row.kind,
            "state": row.state,
            "attempts": row.attempts,
            "fence": row.fence,
            "created": row.created_at,
            "started": row.started_at,
            "ended": row.ended_at,
            "due": row.due_at,
            "heartbeat": row.heartbeat_at,
            "error": {key: (row.error or {}).get(key) for key in ("code", "fault")} if row.error else None,
            "steps": [
                {"name": step.name, "state": step.state, "attempt": step.attempt, "seconds": step.seconds} for step in row.steps.all()
            ],
        }
        for row in rows
    ]


def last_lines(path: Path) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-LOG_LINES:])
