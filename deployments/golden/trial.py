"""Asks a new revision's replicas the golden requests, and says what the service's rule makes of the answers."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from typing import Any

import httpx2

from deployments import health, observation
from deployments.golden.compare import differences
from deployments.models import GoldenRequest, GoldenRun, Revision, Service
from deployments.steps import Journal
from deployments.targets.base import Target
from portal.errors import PortalError
from portal.told import told

#: an answer may have so many bytes; so much of it is kept
MOST_ANSWER, KEPT = 4 * 2**20, 256 * 2**10


class AnswersChanged(PortalError):
    """The rule of the service stops a revision whose answers differ."""

    status, code = 400, "AnswersChanged"


class WaitsForAPerson(Exception):
    """The operation goes on when somebody has decided; nobody works on it meanwhile."""


def hold_up(revision: Revision, service: Service, target: Target, journal: Journal) -> None:
    """Before the routes are switched. Raises AnswersChanged or WaitsForAPerson; returns when the revision may serve."""
    requests = list(service.golden_requests.all())
    if revision.state == Revision.State.SERVING or not requests:
        return
    decided = GoldenRun.objects.filter(revision=revision, state=GoldenRun.State.APPROVED).select_related("decided_by").first()
    with journal.step("golden", f"Compare {len(requests)} saved answer{'s' if len(requests) > 1 else ''}") as step:
        if decided is not None:
            step.note = f"approved by {decided.decided_by or 'somebody'}"
            return
        results = ask_all(revision, requests, target, journal)
        changed = [result["name"] for result in results if result["outcome"] != "same"]
        run = _keep(revision, service, results, bool(changed))
        step.note = f"{len(changed)} of {len(results)} changed: {', '.join(changed)}" if changed else f"all {len(results)} are the same"
        journal.line(step.note)
        if run.state == GoldenRun.State.STOPPED:
            raise AnswersChanged(
                told(
                    "%(changed)s of %(all)s saved answers changed: %(names)s. What served goes on serving.",
                    changed=len(changed),
                    all=len(results),
                    names=", ".join(changed[:5]),
                )
            )
    if run.state == GoldenRun.State.WAITING:
        raise WaitsForAPerson


def _keep(revision: Revision, service: Service, results: list[dict], changed: bool) -> GoldenRun:
    rules = {
        Service.GoldenPolicy.ASK: GoldenRun.State.WAITING,
        Service.GoldenPolicy.STOP: GoldenRun.State.STOPPED,
        Service.GoldenPolicy.WARN: GoldenRun.State.WARNED,
    }
    state = rules[service.golden_policy] if changed else GoldenRun.State.PASSED
    run, _ = GoldenRun.objects.update_or_create(
        revision=revision, defaults={"state": state, "results_text": json.dumps(results), "decided_by": None, "decided_at": None}
    )
    return run


def ask_all(
    revision: Revision, requests: Sequence[GoldenRequest], target: Target, journal: Journal, *, seconds: float = math.inf
) -> list[dict]:
    """One result a request, in their order; the ready replicas take turns. After `seconds` no further one is asked."""
    end = time.monotonic() + seconds
    addresses = [sight.seen.address for sight in observation.look(revision, target) if sight.ready]
    if not addresses:
        raise AnswersChanged("No replica was ready to be asked.")
    results = []
    for place, request in enumerate(requests):
        journal.check_cancelled()
        if time.monotonic() > end:
            result = _unasked(request) | {"said": f"not asked: {seconds:g} s were over"}
        else:
            result = _ask(request, addresses[place % len(addresses)], revision)
        results.append(result)
        journal.line(f"{request.name}: {result['outcome']}" + (f", {result['said']}" if result["said"] else ""))
        for found in result["differences"][:10]:
            journal.line(f"    {found['pointer'] or '/'}: expected {found['expected'] or 'nothing'}, got {found['got'] or 'nothing'}")
    return results


def _unasked(request: GoldenRequest) -> dict[str, Any]:
    """{name, outcome: same, changed or failed, said, status, seconds, differences, got}"""
    return {"name": request.name, "outcome": "failed", "said": "", "status": None, "seconds": 0.0, "differences": [], "got": ""}


def _ask(request: GoldenRequest, address: str, revision: Revision) -> dict[str, Any]:
    result = _unasked(request)
    begun = time.monotonic()
    try:
        status, body = asyncio.run(_call(address, revision, request))
    except (httpx2.HTTPError, OSError, TimeoutError) as error:
        return result | {"said": f"no answer ({type(error).__name__})", "seconds": round(time.monotonic() - begun, 3)}
    except ValueError:
        return result | {"said": f"an answer of more than {MOST_ANSWER // 2**20} MiB", "seconds": round(time.monotonic() - begun, 3)}
    result |= {"status": status, "seconds": round(time.monotonic() - begun, 3), "got": body[:KEPT].decode("utf-8", "replace")}
    if status != 200:
        return result | {"said": f"answered {status}"}
    try:
        found = differences(json.loads(request.expected), json.loads(body), request.tolerances)
    except (ValueError, RecursionError):
        return result | {"said": "an answer that is not JSON"}
    if len(body) > KEPT:
        result["got"] = ""
    return result | {"outcome": "changed" if found else "same", "differences": [each.as_dict() for each in found]}


async def _call(address: str, revision: Revision, request: GoldenRequest) -> tuple[int, bytes]:
    headers = {
        "X-Modelport-Secret": revision.service.secret,
        "Content-Type": "application/json",
        # By this the replica's log and collected rows show that no caller has asked.
        "X-Request-Id": f"golden-{request.pk}",
    }
    async with asyncio.timeout(revision.timeout + health.SECONDS), health.client_for(address) as client:
        async with client.stream("POST", "/score", content=request.body.encode(), headers=headers, timeout=revision.timeout) as answer:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MOST_ANSWER:
                    raise ValueError("longer than an answer may be")
            return answer.status_code, bytes(body)
