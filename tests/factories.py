"""Rows for tests: plain functions with defaults. What an action makes is made by the action."""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path

from django.conf import settings

from portal.accounts.models import Membership, ResourceGroup, User
from portal.accounts.permissions import Role
from registry.actions.images import draft_image, record_built_image
from registry.actions.manifests import create_manifest
from registry.actions.models import register_model
from registry.models import Image, Manifest, ModelVersion
from registry.storage import store_bytes

DOUBLE = (Path(__file__).parent / "drivers" / "double.py").read_bytes()
_numbers = itertools.count(1)


def make_group(name: str | None = None) -> ResourceGroup:
    return ResourceGroup.objects.create(name=name or f"group-{next(_numbers)}")


def make_user(role: str | None = None, group: ResourceGroup | None = None, username: str | None = None, **fields) -> User:
    """A person; with a role and a group, a member of it."""
    user = User.objects.create(username=username or f"{role or 'stranger'}-{next(_numbers)}", **fields)
    if role is not None:
        Membership.objects.create(group=group, user=user, role=role)
    return user


def an_owner(group: ResourceGroup) -> User:
    """Somebody who may do everything in the group."""
    found = group.memberships.filter(role=Role.OWNER).select_related("user").first()
    return found.user if found else make_user(Role.OWNER, group)


def make_model_version(
    group: ResourceGroup, *, name: str = "iris", files: dict[str, bytes] | None = None, user=None, **words
) -> ModelVersion:
    files = {"model.pkl": b"a model"} if files is None else files
    stored = [(path, store_bytes(data)) for path, data in files.items()]
    return register_model(user=user or an_owner(group), group=group, name=name, files=stored, **words)


def make_manifest(group: ResourceGroup, *, name: str = "iris", models=None, driver: bytes = DOUBLE, user=None, **parts) -> Manifest:
    models = [make_model_version(group)] if models is None else models
    return create_manifest(user=user or an_owner(group), group=group, name=name, models=models, driver=("score.py", driver), **parts)


def make_image(
    group: ResourceGroup, *, name: str = "iris", manifest: Manifest | None = None, built: bool = True, format: str = "oci", user=None
) -> Image:
    """A row of an image; with `built`, one that says it was built. Nothing is held by an engine."""
    image = draft_image(user=user or an_owner(group), group=group, name=name, manifest=manifest or make_manifest(group), format=format)
    if built:
        digest = "sha256:" + uuid.uuid4().hex * 2
        record_built_image(image, location=digest, digest=digest, bundle_digest=digest, size=1000, platform="linux/amd64")
    return image


def make_environment(group: ResourceGroup, *, name: str = "local", target: str = "process", **fields):
    from deployments.models import Environment

    return Environment.objects.create(group=group, name=name, target=target, **fields)


def make_service(
    group: ResourceGroup, *, name: str = "demo", image: Image | None = None, environment=None, state: str = "Serving", **fields
):
    """A service with one revision in `state`, as rows: nothing runs."""
    from deployments.models import Revision, Service

    environment = environment or group.environments.first() or make_environment(group)
    service = Service.objects.create(group=group, name=name, environment=environment, **fields)
    Revision.objects.create(
        service=service, number=1, image=image or make_image(group), cpu=service.cpu, memory=service.memory, state=state
    )
    return service


def make_collected(service, *, requests: int = 3, at=None) -> None:
    """Rows of two collectors, as the observer keeps what a replica answers."""
    from django.utils import timezone

    from deployments.collected import store, wire
    from scoring.spool import Spool

    spool, at = Spool(), at or timezone.now()
    for number in range(requests):
        for identifier, columns, rows in (("inputs", ["kind", "width"], [["=iris", 0.2 + number]]), ("prediction", ["0"], [["setosa"]])):
            batch = {"model": "iris", "modelVersion": "1", "identifier": identifier, "timestamp": at.isoformat(), "correlationId": ""}
            spool.add({**batch, "requestId": f"call-{number}", "columns": columns, "rows": rows}, len(rows))
    store.keep(service, wire.read(spool.pull(0)))


def make_operation(group: ResourceGroup, *, kind: str = "Image", label: str = "image iris:1", **fields):
    from deployments.models import Operation

    return Operation.objects.create(group=group, kind=kind, label=label, **fields)


def staged() -> list[str]:
    """What lies in the staging folder: after every test that is over, nothing."""
    return [path.name for path in Path(settings.STAGING_DIR).iterdir() if path.is_file()]
