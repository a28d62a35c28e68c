"""How states are shown, always as icon, word and colour together: one table for pages, tables and badges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    word: str
    icon: str
    #: a colour of portal.css: green, blue, yellow, red or grey
    colour: str
    spins: bool = False


LOOKS = {
    # operations and their steps
    "NotStarted": Look("Queued", "clock", "grey"),
    "Running": Look("Running", "loader-2", "blue", spins=True),
    "Waiting": Look("Waits for a person", "hand-stop", "yellow"),
    "Succeeded": Look("Succeeded", "circle-check", "green"),
    "Skipped": Look("Reused", "circle-check", "green"),
    "Failed": Look("Failed", "circle-x", "red"),
    "Cancelled": Look("Cancelled", "circle-minus", "grey"),
    # golden requests and what became of them
    "golden:same": Look("Same", "circle-check", "green"),
    "golden:changed": Look("Changed", "alert-triangle", "yellow"),
    "golden:failed": Look("Failed", "circle-x", "red"),
    "run:Passed": Look("Same answers", "circle-check", "green"),
    "run:Warned": Look("Changed, let through", "alert-triangle", "yellow"),
    "run:Stopped": Look("Changed, stopped", "circle-x", "red"),
    "run:Waiting": Look("Waits for a person", "hand-stop", "yellow"),
    "run:Approved": Look("Approved", "circle-check", "green"),
    "run:Rejected": Look("Rejected", "circle-x", "red"),
    # revisions
    "Pending": Look("Pending", "clock", "grey"),
    "Rolling": Look("Rolling out", "loader-2", "blue", spins=True),
    "Serving": Look("Serving", "circle-check", "green"),
    "Retired": Look("Retired", "circle-minus", "grey"),
    # replicas
    "starting": Look("Starting", "loader-2", "blue", spins=True),
    "ready": Look("Ready", "circle-check", "green"),
    "unreachable": Look("Unreachable", "alert-triangle", "yellow"),
    "crashed": Look("Crash-looping", "circle-x", "red"),
    # services, as deployments.states says them
    "service:Running": Look("Running", "circle-check", "green"),
    "service:Starting": Look("Starting", "loader-2", "blue", spins=True),
    "service:Updating": Look("Updating", "loader-2", "blue", spins=True),
    "service:Degraded": Look("Degraded", "alert-triangle", "yellow"),
    "service:Stopped": Look("Stopped", "player-stop", "grey"),
    "service:Stopping": Look("Stopping", "loader-2", "grey", spins=True),
    "service:Deleting": Look("Deleting", "loader-2", "grey", spins=True),
    "service:Failed": Look("Failed", "circle-x", "red"),
    # images and environments
    "image:built": Look("Built", "circle-check", "green"),
    "image:building": Look("Building", "loader-2", "blue", spins=True),
    "part:ok": Look("OK", "circle-check", "green"),
    "part:warn": Look("Warning", "alert-triangle", "yellow"),
    "part:fail": Look("Failed", "circle-x", "red"),
    "environment:yes": Look("Reachable", "circle-check", "green"),
    "environment:no": Look("Not reachable", "circle-x", "red"),
    "environment:unknown": Look("Not tested", "help-circle", "grey"),
}


def look(state: str) -> Look:
    return LOOKS.get(state) or Look(state.split(":")[-1], "point", "grey")


#: what happened -> a verb and the page of what it happened to
EVENTS = {
    "environment.created": ("created environment", "environment"),
    "environment.deleted": ("deleted environment", ""),
    "environment.updated": ("changed environment", "environment"),
    "group.created": ("created the resource group", ""),
    "image.deleted": ("deleted image", ""),
    "image.recorded": ("finished building image", "image"),
    "image.requested": ("asked for image", "image"),
    "key.regenerated": ("regenerated a key of", "service"),
    "key.session": ("took a session key of", "service"),
    "key.stopped": ("stopped an old key of", "service"),
    "manifest.created": ("wrote manifest", "manifest"),
    "manifest.deleted": ("deleted manifest", ""),
    "member.added": ("added member", ""),
    "member.changed": ("changed the role of", ""),
    "member.removed": ("removed member", ""),
    "model.changed": ("described model", "model"),
    "model.deleted": ("deleted model", ""),
    "model.registered": ("registered model", "model"),
    "operation.approved": ("approved the answers of", ""),
    "operation.cancelled": ("cancelled", ""),
    "operation.rejected": ("rejected the answers of", ""),
    "service.created": ("created service", "service"),
    "service.deleted": ("deleted service", ""),
    "service.started": ("started service", "service"),
    "service.stopped": ("stopped service", "service"),
    "service.updated": ("updated service", "service"),
}


def event_words(event) -> tuple[str, str]:
    """(what was done, the page's name of what it was done to, or "")."""
    return EVENTS.get(event.tag, (event.tag, ""))
