"""The saved requests asked of the revision that serves, because somebody wants to know; it decides nothing."""

from __future__ import annotations

import json

from django.db import transaction
from django.utils.translation import gettext as _

from deployments import engines
from deployments.golden import trial
from deployments.models import GoldenCheck, Operation, Revision, Service
from deployments.steps import Journal
from portal.errors import Conflict

#: seconds that a check may hold up other work on the service; what is not asked by then is said
MOST_SECONDS = 120
#: checks of a service that are kept
KEPT = 20


def check(operation: Operation, journal: Journal) -> None:
    """Work for `Operation.Kind.GOLDEN`."""
    service = Service.objects.select_related("group", "environment").get(pk=operation.service_id)
    revision = service.revisions.select_related("service__group", "image").filter(state=Revision.State.SERVING).first()
    if revision is None or service.stopped:
        raise Conflict(_("No revision serves that could be asked. Start the service first."), code="NothingToStart")
    requests = list(service.golden_requests.all())
    with journal.step("golden", f"Ask {len(requests)} saved request{'s' if len(requests) != 1 else ''}") as step:
        results = trial.ask_all(revision, requests, engines.target(service.environment.target), journal, seconds=MOST_SECONDS)
        changed = [result["name"] for result in results if result["outcome"] != "same"]
        step.note = f"{len(changed)} of {len(results)} changed: {', '.join(changed)}" if changed else f"all {len(results)} are the same"
        journal.line(step.note)
        with transaction.atomic():
            operation.hold()
            GoldenCheck.objects.update_or_create(operation=operation, defaults={"revision": revision, "results_text": json.dumps(results)})
            old = GoldenCheck.objects.filter(revision__service=service).order_by("-created_at").values_list("pk", flat=True)[KEPT:]
            GoldenCheck.objects.filter(pk__in=list(old)).delete()
