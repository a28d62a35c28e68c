"""Samples CPU, memory and load of the replicas, and how many of them are ready, onto their rows and into the charts' rows."""

from __future__ import annotations

import logging

from deployments import engines
from deployments.models import Replica, Revision
from deployments.observer.load import ask
from deployments.telemetry import rollup
from portal.errors import PortalError

log = logging.getLogger(__name__)


def sample() -> None:
    rollup.store_readiness()
    targets = {}
    ready = Replica.objects.filter(state=Replica.State.READY, revision__state=Revision.State.SERVING).exclude(address="")
    load = ask(ready.select_related("revision__service"))
    serving = (
        Revision.objects.filter(state=Revision.State.SERVING, replicas__isnull=False).select_related("service__environment").distinct()
    )
    for revision in serving:
        alias = revision.service.environment.target
        try:
            if alias not in targets:
                targets[alias] = engines.target(alias)
            usage = targets[alias].usage(revision.spec_name)
            rollup.store_usage(revision, usage, load)
            for name, (cpu, memory) in usage.items():
                Replica.objects.filter(revision=revision, name=name).update(cpu=round(cpu, 3), memory=memory)
        except PortalError as error:
            log.info("usage of %s could not be read: %s", revision.spec_name, error.message)
