"""Building again with the change that a failed build has led to."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from deployments.actions.images import create_image
from deployments.models import Operation
from deployments.proposals import proposal_for
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict
from registry.actions.manifests import copy_manifest


@transaction.atomic
def apply_proposal(*, user, operation: Operation) -> Operation:
    """A new manifest of the same name with the proposed change, and its build, which goes on as the first one would have.

    Raises Conflict (409, NoProposal) when there is none, or what it would change is gone.
    """
    require(user, Permission.MANIFEST_WRITE, operation.group)
    require(user, Permission.IMAGE_WRITE, operation.group)
    proposal = proposal_for(operation)
    if proposal is None:
        raise Conflict(_("There is no change to propose for this operation."), code="NoProposal")
    if operation.environment is None:
        raise Conflict(_("The environment of this operation has been deleted."))
    if operation.then:
        require(user, Permission.SERVICE_WRITE, operation.group)
    dependencies = None
    if proposal.text is not None:
        dependencies = (proposal.file, proposal.text.encode(), proposal.kind)
    manifest = copy_manifest(user=user, manifest=operation.manifest, dependencies=dependencies, python=proposal.python)
    return create_image(
        user=user,
        group=operation.group,
        manifest=manifest,
        environment=operation.environment,
        name=operation.label.rpartition(":")[0],
        then=operation.then,
        following=operation.following,
    )
