"""How the parts of the portal are, as rows: for an administrator's page and for a monitor.

Nothing here speaks to an engine: what is known of engines is what a worker found when it last looked.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.models import Environment, Lease, Operation
from deployments.observer import lease
from portal.celery import QUEUES, app
from portal.supervisor.processes import worker_node

OK, WARN, FAIL = "ok", "warn", "fail"
#: the clock ticks every few seconds; work waits for seconds, not minutes (both in seconds)
LATE_TICK, LONG_WAIT = 60, 120
PING_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `state` is ok, warn or fail; `cure` says what to do unless it is well."""

    name: str
    title: str
    state: str
    detail: str
    cure: str = ""


def parts() -> list[Part]:
    """Every part, in the order in which one would look for a fault. Takes up to two seconds, for workers that do not answer."""
    return [_database(), storage(), _broker(), *_workers(), _queue(), _clock(), _observer(), _gateway(), *_engines(), _mail()]


def worst(found: list[Part]) -> str:
    return next((state for state in (FAIL, WARN) if any(part.state == state for part in found)), OK)


def _database() -> Part:
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = (time.monotonic() - began) * 1000
    return Part("database", _("Database"), OK, f"{connection.vendor}, {took:.1f} ms")


def storage() -> Part:
    """The disk of the data folder; asks nothing but the operating system."""
    used = shutil.disk_usage(settings.DATA_DIR)
    share = 100 * (used.total - used.free) / used.total
    detail = _("%(free).1f of %(total).1f GiB free") % {"free": used.free / 2**30, "total": used.total / 2**30}
    if not os.access(settings.DATA_DIR, os.W_OK):
        return Part("storage", _("Storage"), FAIL, detail, _("The data folder cannot be written. Look at its owner and its mount."))
    state = FAIL if share > 97 else WARN if share > 85 else OK
    cure = "" if state == OK else _("Make room on the disk, or delete models and images that nothing uses.")
    return Part("storage", _("Storage"), state, detail, cure)


def _broker() -> Part:
    scheme = urlsplit(settings.BROKER_URL).scheme
    title, word = _("Broker"), _("messages in a folder") if scheme == "fsq" else scheme
    try:
        with app.connection_for_write() as made:
            made.ensure_connection(max_retries=1, timeout=2)
    except Exception as error:
        # Each transport has exceptions of its own; all of them mean that no message goes out.
        return Part("broker", title, FAIL, f"{word}: {type(error).__name__}", _("Start the broker, or look at MODELPORT_BROKER_URL."))
    return Part("broker", title, OK, word)


def _workers() -> list[Part]:
    nodes = {queue: worker_node(queue) for queue in QUEUES}
    try:
        answered = {node for reply in app.control.ping(destination=list(nodes.values()), timeout=PING_SECONDS) for node in reply}
    except Exception:
        # Without a broker nobody can be asked; that is the row above.
        answered = set()
    cure = _("Look at logs/worker-%(queue)s.log in the data folder; the supervisor starts it again.")
    return [
        Part(f"worker-{queue}", _("Worker for %(queue)s") % {"queue": queue}, OK, _("answers"))
        if node in answered
        else Part(f"worker-{queue}", _("Worker for %(queue)s") % {"queue": queue}, FAIL, _("does not answer"), cure % {"queue": queue})
        for queue, node in nodes.items()
    ]


def _queue() -> Part:
    waiting = Operation.objects.filter(state=Operation.State.NOT_STARTED, due_at__lte=timezone.now())
    count, oldest = waiting.count(), waiting.order_by("created_at").values_list("created_at", flat=True).first()
    waited = (timezone.now() - oldest).total_seconds() if oldest else 0
    detail = _("%(count)s waiting, the oldest for %(seconds)s s") % {"count": count, "seconds": round(waited)} if count else _("empty")
    late = waited > LONG_WAIT
    return Part("queue", _("Queue"), WARN if late else OK, detail, _("Builds before it take long, or no worker answers.") if late else "")


def _clock() -> Part:
    file, title = settings.DATA_DIR / "tick.lock", _("Clock")
    age = time.time() - file.stat().st_mtime if file.exists() else None
    if age is None:
        return Part("clock", title, WARN, _("has not ticked yet"), _("Look at logs/beat.log in the data folder."))
    detail = _("ticked %(seconds)s s ago") % {"seconds": round(age)}
    late = age > LATE_TICK
    return Part("clock", title, FAIL if late else OK, detail, _("Look at logs/beat.log in the data folder.") if late else "")


def _observer() -> Part:
    held = Lease.objects.filter(name=lease.NAME).first()
    title = _("Observer")
    if held is None or held.expires_at < timezone.now() - timedelta(seconds=lease.SECONDS):
        cure = _("Calls go on, but charts and logs stand still. Look at logs/observer.log in the data folder.")
        return Part("observer", title, FAIL, _("nobody observes"), cure)
    return Part("observer", title, OK, held.holder)


def _gateway() -> Part:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.GATEWAY_HOST, settings.GATEWAY_HOST)
    title = _("Gateway")
    try:
        with socket.create_connection((host, settings.GATEWAY_PORT), timeout=1):
            return Part("gateway", title, OK, settings.GATEWAY_URL)
    except OSError as error:
        cure = _("No call gets through. Look at logs/gateway.log in the data folder.")
        return Part("gateway", title, FAIL, f"{settings.GATEWAY_URL}: {error.strerror or type(error).__name__}", cure)


def _engines() -> list[Part]:
    """Of each kind of environment, the one that was looked at last."""
    found: dict[str, Part] = {}
    for environment in Environment.objects.select_related("group").order_by("-checked_at"):
        if environment.target in found:
            continue
        bad = next((check for check in environment.checks or [] if not check.get("ok") and check.get("needed", True)), None)
        title = _("Engine: %(kind)s") % {"kind": environment.target}
        if environment.checked_at is None:
            row = Part(
                f"engine-{environment.target}", title, WARN, _("not tested yet"), _("Press Test connection on the environment's page.")
            )
        elif bad:
            row = Part(f"engine-{environment.target}", title, FAIL, str(bad.get("detail", "")), str(bad.get("cure", "")))
        else:
            row = Part(f"engine-{environment.target}", title, OK, _("answered when %(name)s was tested") % {"name": environment})
        found[environment.target] = row
    return list(found.values())


def _mail() -> Part:
    if settings.SENDS_MAIL:
        return Part("mail", _("Mail"), OK, _("a server is set up"))
    return Part("mail", _("Mail"), OK, _("none is sent: MODELPORT_EMAIL_URL is not set"))
