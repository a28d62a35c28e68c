"""A revision -> what a target is told to run. Pure."""

from __future__ import annotations

from django.conf import settings

from deployments.collected import rules
from deployments.models import Revision
from deployments.targets.base import Spec
from registry.runtimes import RUNTIMES


def spec_of(revision: Revision, *, replicas: int | None = None) -> Spec:
    service, image = revision.service, revision.image
    environment = {
        "MODELPORT_SERVICE": service.path,
        "MODELPORT_REVISION": str(revision.number),
        "MODELPORT_NONCE": revision.nonce,
        "MODELPORT_SECRET": service.secret,
        "MODELPORT_SERVER_URL": service.url,
        "MODELPORT_MAX_BODY_BYTES": str(settings.MAX_BODY_BYTES),
        "MODELPORT_TIMEOUT_SECONDS": str(revision.timeout),
        "MODELPORT_BATCHING": "on" if revision.batches else "off",
        # Not every target limits what a process sees; libraries are given their threads by this, one at least.
        "MODELPORT_CPUS": f"{revision.cpu:g}",
        "MODELPORT_WORKERS": _workers(revision),
        # The original's names, which existing score files read (specification 3.8).
        "SERVICE_NAME": service.name,
        "SERVICE_VERSION": str(revision.number),
        "SERVICE_PATH_PREFIX": f"/{service.path}",
        "AML_MODEL_DC_STORAGE_ENABLED": "true" if revision.collect_data else "false",
    }
    if revision.collect_data and revision.collect_rules:
        environment[rules.VARIABLE] = rules.for_replica(revision.collect_rules, service.secret)
    return Spec(
        name=revision.spec_name,
        image=image.location,
        digest=image.digest,
        replicas=service.replicas if replicas is None else replicas,
        cpu=revision.cpu,
        memory=revision.memory,
        gpus=revision.gpus,
        threads=RUNTIMES[image.manifest.runtime].threads,
        environment=environment,
        labels={"modelport.service": service.path, "modelport.revision": str(revision.number)},
    )


def _workers(revision: Revision) -> str:
    """Automatic only multiplies what costs nothing; on a GPU each process would hold the model once more."""
    if revision.workers:
        return str(revision.workers)
    return "1" if revision.gpus else "auto"
