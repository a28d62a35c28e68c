"""Samples CPU and memory of the replicas onto their rows."""

from __future__ import annotations

import logging

from deployments import engines
from deployments.models import Replica, Revision
from portal.errors import PortalError

log = logging.getLogger(__name__)


def sample() -> None:
    targets = {}
    serving = (
        Revision.objects.filter(state=Revision.State.SERVING, replicas__isnull=False).select_related("service__environment").distinct()
    )
    for revision in serving:
        alias = revision.service.environment.target
        try:
            if alias not in targets:
                targets[alias] = engines.target(alias)
            for name, (cpu, memory) in targets[alias].usage(revision.spec_name).items():
                Replica.objects.filter(revision=revision, name=name).update(cpu=round(cpu, 3), memory=memory)
        except PortalError as error:
            log.info("usage of %s could not be read: %s", revision.spec_name, error.message)
