"""What the database says -> what the gateway routes.

Takes a snapshot under a generation number, so that of two appliers the newer
snapshot always wins, whoever finishes last.
"""

from __future__ import annotations

import logging
from functools import cache

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from deployments.gateway.apply import Gateway
from deployments.gateway.routes import KeyRoute, ReplicaRoute, RevisionBackend, Routes, ServiceRoute
from deployments.gateway.settings import GatewaySettings
from deployments.models import Lease, Replica, Revision, Service

log = logging.getLogger(__name__)


@cache
def gateway() -> Gateway:
    return Gateway(
        GatewaySettings(
            folder=settings.GATEWAY_DIR,
            host=settings.GATEWAY_HOST,
            port=settings.GATEWAY_PORT,
            portal_origin=settings.PORTAL_URL,
            log_address=f"127.0.0.1:{settings.OBSERVER_PORT}",
            max_body=settings.MAX_BODY_BYTES,
        )
    )


def _next_generation() -> int:
    """Grows with every snapshot, and past what an older database (restored from a backup) could have given out."""
    now = timezone.now()
    row, _ = Lease.objects.select_for_update().get_or_create(name="gateway", defaults={"holder": "", "expires_at": now})
    row.generation = max(row.generation + 1, int(now.timestamp() * 1000))
    row.save(update_fields=["generation"])
    return row.generation


@transaction.atomic
def snapshot() -> Routes:
    """Every service that is not being deleted, as it should be reachable now."""
    return Routes(generation=_next_generation(), services=_wanted())


def _wanted() -> tuple[ServiceRoute, ...]:
    services = (
        Service.objects.filter(deleting=False)
        .select_related("group")
        .prefetch_related("keys", "revisions__replicas", "revisions__image")
        .order_by("pk")
    )
    return tuple(filter(None, map(_route_or_none, services)))


def _route_or_none(service: Service) -> ServiceRoute | None:
    """A row that the gateway cannot have must not keep all the others from being routed."""
    try:
        return _route(service)
    except ValueError:
        log.exception("service %s cannot be routed", service.path)
        return None


def _route(service: Service) -> ServiceRoute:
    serving = [revision for revision in service.revisions.all() if revision.state == Revision.State.SERVING]
    backends = () if service.stopped else tuple(_backend(revision) for revision in serving)
    if service.stopped:
        state = "stopped"
    else:
        state = "running" if any(backend.replicas for backend in backends) else "starting"
    return ServiceRoute(
        group=service.group.name,
        name=service.name,
        id=service.pk.hex,
        secret=service.secret,
        access=service.access,
        state=state,
        backends=backends,
        keys=tuple(
            KeyRoute(key_id=key.key_id, sha256=key.hash, expires=int(key.expires_at.timestamp()) if key.expires_at else None)
            for key in sorted(service.keys.all(), key=lambda key: key.key_id)
            if key.expires_at is None or key.expires_at > timezone.now()
        ),
        allowed_origins=tuple(service.allowed_origins),
        max_body=settings.MAX_BODY_BYTES,
        timeout=service.timeout,
        repeatable=False,
    )


def _backend(revision: Revision) -> RevisionBackend:
    return RevisionBackend(
        number=revision.number,
        weight=100,
        digest=revision.image.bundle_digest,
        nonce=revision.nonce,
        replicas=tuple(
            ReplicaRoute(name=replica.name, address=replica.address)
            for replica in sorted(revision.replicas.all(), key=lambda replica: replica.name)
            if replica.state == Replica.State.READY and replica.address
        ),
    )


def sync() -> None:
    """Brings the gateway to what the database says now. Safe to call from anywhere, any number of times."""
    gateway().apply(snapshot())


def settle() -> None:
    """`sync`, if something is to be done: a lost message or a failed change must not keep a key that was revoked alive."""
    if not gateway().serves(Routes(generation=0, services=_wanted())):
        sync()


def routed(service: Service) -> bool:
    """Whether a call through the gateway meets the service as the database has it now."""
    route = _route_or_none(service)
    return route is not None and gateway().routes(route)
