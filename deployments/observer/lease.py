"""One observer at a time, agreed through a row."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from deployments.models import Lease

NAME, SECONDS = "observer", 30


def holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@transaction.atomic
def hold(me: str) -> bool:
    """Takes or renews the lease; False while another observer holds it."""
    now = timezone.now()
    lease, _ = Lease.objects.select_for_update().get_or_create(name=NAME, defaults={"holder": "", "expires_at": now})
    if lease.holder != me and lease.expires_at > now and not _is_dead(lease.holder):
        return False
    if lease.holder != me:
        lease.generation += 1
    lease.holder, lease.expires_at = me, now + timedelta(seconds=SECONDS)
    lease.save()
    return True


def let_go(me: str) -> None:
    Lease.objects.filter(name=NAME, holder=me).update(expires_at=timezone.now())


def _is_dead(other: str) -> bool:
    """A holder on this very host whose process is gone need not be waited for."""
    host, _, pid = other.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
