"""Golden requests: kept, let go, and decided about when a new revision answers otherwise."""

from __future__ import annotations

import json

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments import plans, rollouts, tasks
from deployments.golden.compare import rule_fault
from deployments.models import GoldenRequest, GoldenRun, Operation, Service
from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from portal.errors import Conflict
from portal.told import kept, told

MOST_REQUESTS, MOST_CHARACTERS, MOST_RULES = 100, 256 * 1024, 50


@transaction.atomic
def save_golden_request(*, user, service: Service, name: str, body: str, expected: str, tolerances: dict | None = None) -> GoldenRequest:
    """Keeps a request and the answer that it should get (both JSON text) under a name; one of that name is replaced.

    `tolerances` maps places in the answer to a number, a share ("5%") or "ignore".
    """
    require(user, Permission.SERVICE_WRITE, service.group)
    name, tolerances, found = name.strip(), tolerances or {}, {}
    if not 1 <= len(name) <= 64 or not name.isprintable():
        found["name"] = ["Give it a name of 1 to 64 characters."]
    for field, text in (("body", body), ("expected", expected)):
        if sentence := _text_fault(text):
            found[field] = [sentence]
    if not isinstance(tolerances, dict) or len(tolerances) > MOST_RULES:
        found["tolerances"] = [f"Tolerances are an object with at most {MOST_RULES} places."]
    elif sentences := [sentence for place, rule in tolerances.items() if (sentence := rule_fault(place, rule))]:
        found["tolerances"] = sentences
    kept = service.golden_requests.exclude(name=name).count()
    if kept >= MOST_REQUESTS:
        found.setdefault("name", []).append(f"{service} has {MOST_REQUESTS} golden requests. Delete one first.")
    if found:
        raise ValidationError(found)
    golden, _ = GoldenRequest.objects.update_or_create(
        service=service, name=name, defaults={"body": body, "expected": expected, "tolerances": tolerances, "created_by": user}
    )
    record(user, EventTag.SERVICE_UPDATED, service, fields=["golden requests"], golden=name)
    return golden


def _text_fault(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        return f"Use at most {MOST_CHARACTERS // 1024} Ki characters."
    if "\0" in text:
        return "There is a null character in it."
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"This is not JSON: {error}"
    return ""


@transaction.atomic
def delete_golden_request(*, user, golden: GoldenRequest) -> None:
    require(user, Permission.SERVICE_WRITE, golden.group)
    record(user, EventTag.SERVICE_UPDATED, golden.service, fields=["golden requests"], golden=golden.name)
    golden.delete()


@transaction.atomic
def set_golden_policy(*, user, service: Service, policy: str) -> Service:
    """What happens when answers change: `ask` a person, `stop` the rollout, or `warn` and go on."""
    require(user, Permission.SERVICE_WRITE, service.group)
    if policy not in Service.GoldenPolicy.values:
        raise ValidationError({"policy": [_("Choose one of %(values)s.") % {"values": ", ".join(Service.GoldenPolicy.values)}]})
    service.golden_policy = policy
    service.save(update_fields=["golden_policy", "updated_at"])
    record(user, EventTag.SERVICE_UPDATED, service, fields=["golden_policy"])
    return service


@transaction.atomic
def ask_now(*, user, service: Service) -> Operation:
    """Asks what serves all saved requests, and compares; changes nothing. One that waits or runs already is answered instead."""
    require(user, Permission.SERVICE_WRITE, service.group)
    service = plans.hold_service(service)
    if not service.golden_requests.exists():
        raise Conflict(_("%(service)s has no golden requests yet.") % {"service": service})
    under_way = service.operations.filter(kind=Operation.Kind.GOLDEN).exclude(state__in=Operation.FINISHED).first()
    if under_way is not None:
        return under_way
    operation = plans.plan_rollout(user=user, service=service, label=str(service), kind=Operation.Kind.GOLDEN)
    tasks.ring_after_commit(operation)
    return operation


@transaction.atomic
def approve_answers(*, user, operation: Operation, save: bool = False) -> Operation:
    """The new answers are right: the rollout goes on. With `save` they become the expected ones."""
    run = _decide(user, operation, GoldenRun.State.APPROVED)
    if save:
        _save_answers(run)
    operation.resume()
    record(user, EventTag.OPERATION_APPROVED, operation, saved=save)
    tasks.ring_after_commit(operation)
    return operation


@transaction.atomic
def reject_answers(*, user, operation: Operation) -> Operation:
    """The new revision does not serve: its replicas go, what served goes on serving."""
    _decide(user, operation, GoldenRun.State.REJECTED)
    message = told("%(person)s has rejected the changed answers. What served goes on serving.", person=user)
    error = {"code": "AnswersRejected", "message": message, "told": kept(message), "fault": "yours", "file": "", "line": None, "lines": []}
    operation.fail(error)
    revision = rollouts.end_revision(operation, message)
    if revision is not None:
        tasks.remove_left_over.delay_on_commit(revision.service.environment.target, revision.spec_name)
    record(user, EventTag.OPERATION_REJECTED, operation)
    tasks.ring_next_after_commit(operation)
    return operation


def _decide(user, operation: Operation, state: str) -> GoldenRun:
    require(user, Permission.SERVICE_WRITE, operation.group)
    run = GoldenRun.objects.filter(revision=operation.revision_id).first() if operation.revision_id else None
    if operation.state != Operation.State.WAITING or run is None:
        raise Conflict(_("This operation waits for nobody's decision."), code="IllegalMove")
    run.move(state, decided_by=user, decided_at=timezone.now())
    return run


def _save_answers(run: GoldenRun) -> None:
    """Only whole answers that are JSON; what failed stays as it was expected."""
    requests = {golden.name: golden for golden in run.revision.service.golden_requests.all()}
    for result in run.results:
        golden = requests.get(result["name"])
        if golden is not None and result["outcome"] == "changed" and result["got"]:
            golden.expected = result["got"]
            golden.save(update_fields=["expected", "updated_at"])
