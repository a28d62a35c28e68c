"""Building again with the change that a failed build has led to."""

from __future__ import annotations

from django.db import transaction

from deployments.actions.images import create_image
from deployments.models import Operation
from deployments.proposals import dependencies_of, proposal_for
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict
from registry.actions.manifests import create_manifest
from registry.models import ManifestFile
from registry.storage import open_asset


@transaction.atomic
def apply_proposal(*, user, operation: Operation) -> Operation:
    """A new manifest of the same name with the proposed change, and its build, which goes on as the first one would have.

    Raises Conflict (409, NoProposal) when there is none, or what it would change is gone.
    """
    require(user, Permission.MANIFEST_WRITE, operation.group)
    require(user, Permission.IMAGE_WRITE, operation.group)
    proposal = proposal_for(operation)
    if proposal is None:
        raise Conflict("There is no change to propose for this operation.", code="NoProposal")
    if operation.environment is None:
        raise Conflict("The environment of this operation has been deleted.")
    if operation.then:
        require(user, Permission.SERVICE_WRITE, operation.group)
    old = operation.manifest
    files = list(old.files.select_related("asset"))
    dependencies = dependencies_of(old)
    if proposal.text is not None:
        dependencies = (proposal.file, proposal.text.encode(), proposal.kind)
    manifest = create_manifest(
        user=user,
        group=operation.group,
        name=old.name,
        models=[use.version for use in old.uses.select_related("version__model__group")],
        driver=_text(files, ManifestFile.Role.DRIVER),
        schema=_text(files, ManifestFile.Role.SCHEMA),
        dependencies=dependencies,
        files=[(file.path, file.asset) for file in files if file.role == ManifestFile.Role.FILE],
        runtime=old.runtime,
        python=proposal.python or old.python,
        description=old.description,
    )
    return create_image(
        user=user,
        group=operation.group,
        manifest=manifest,
        environment=operation.environment,
        name=operation.label.rpartition(":")[0],
        then=operation.then,
    )


def _text(files: list[ManifestFile], role: str) -> tuple[str, bytes] | None:
    file = next((one for one in files if one.role == role), None)
    if file is None:
        return None
    with open_asset(file.asset) as opened:
        return file.path, opened.read()
