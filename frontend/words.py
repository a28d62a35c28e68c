"""How states are shown, always as icon, word and colour together: one table for pages, tables and badges."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from registry.runtimes import RUNTIMES


@dataclass(frozen=True, slots=True)
class Look:
    word: str | Promise
    icon: str
    #: a colour of portal.css: green, blue, yellow, red or grey
    colour: str
    spins: bool = False


LOOKS = {
    # operations and their steps
    "NotStarted": Look(_("Queued"), "clock", "grey"),
    "Running": Look(_("Running"), "loader-2", "blue", spins=True),
    "Waiting": Look(_("Waits for a person"), "hand-stop", "yellow"),
    "Succeeded": Look(_("Succeeded"), "circle-check", "green"),
    "Skipped": Look(_("Reused"), "circle-check", "green"),
    "Failed": Look(_("Failed"), "circle-x", "red"),
    "Cancelled": Look(_("Cancelled"), "circle-minus", "grey"),
    # golden requests and what became of them
    "golden:same": Look(_("Same"), "circle-check", "green"),
    "golden:changed": Look(_("Changed"), "alert-triangle", "yellow"),
    "golden:failed": Look(_("Failed"), "circle-x", "red"),
    "run:Passed": Look(_("Same answers"), "circle-check", "green"),
    "run:Warned": Look(_("Changed, let through"), "alert-triangle", "yellow"),
    "run:Stopped": Look(_("Changed, stopped"), "circle-x", "red"),
    "run:Waiting": Look(_("Waits for a person"), "hand-stop", "yellow"),
    "run:Approved": Look(_("Approved"), "circle-check", "green"),
    "run:Rejected": Look(_("Rejected"), "circle-x", "red"),
    # revisions
    "Pending": Look(_("Pending"), "clock", "grey"),
    "Rolling": Look(_("Rolling out"), "loader-2", "blue", spins=True),
    "Serving": Look(_("Serving"), "circle-check", "green"),
    "Retired": Look(_("Retired"), "circle-minus", "grey"),
    # replicas
    "starting": Look(_("Starting"), "loader-2", "blue", spins=True),
    "ready": Look(_("Ready"), "circle-check", "green"),
    "unreachable": Look(_("Unreachable"), "alert-triangle", "yellow"),
    "crashed": Look(_("Crash-looping"), "circle-x", "red"),
    # services, as deployments.states says them
    "service:Running": Look(_("Running"), "circle-check", "green"),
    "service:Starting": Look(_("Starting"), "loader-2", "blue", spins=True),
    "service:Updating": Look(_("Updating"), "loader-2", "blue", spins=True),
    "service:Degraded": Look(_("Degraded"), "alert-triangle", "yellow"),
    "service:Stopped": Look(_("Stopped"), "player-stop", "grey"),
    "service:Stopping": Look(_("Stopping"), "loader-2", "grey", spins=True),
    "service:Deleting": Look(_("Deleting"), "loader-2", "grey", spins=True),
    "service:Failed": Look(_("Failed"), "circle-x", "red"),
    # services that follow an alias
    "following:InStep": Look(_("In step"), "circle-check", "green"),
    "following:Updating": Look(_("Updating"), "loader-2", "blue", spins=True),
    "following:Waiting": Look(_("Waits for a person"), "hand-stop", "yellow"),
    "following:Failed": Look(_("Failed"), "circle-x", "red"),
    "following:Behind": Look(_("Out of step"), "alert-triangle", "yellow"),
    "following:Paused": Look(_("Paused"), "player-stop", "grey"),
    # images and environments
    "image:built": Look(_("Built"), "circle-check", "green"),
    "image:building": Look(_("Building"), "loader-2", "blue", spins=True),
    "part:ok": Look(_("OK"), "circle-check", "green"),
    "part:warn": Look(_("Warning"), "alert-triangle", "yellow"),
    "part:fail": Look(_("Failed"), "circle-x", "red"),
    "environment:yes": Look(_("Reachable"), "circle-check", "green"),
    "environment:limited": Look(_("Reachable, with limits"), "alert-triangle", "yellow"),
    "environment:no": Look(_("Not reachable"), "circle-x", "red"),
    "environment:unknown": Look(_("Not tested"), "help-circle", "grey"),
}


def look(state: str) -> Look:
    return LOOKS.get(state) or Look(state.split(":")[-1], "point", "grey")


#: what happened -> a verb and the page of what it happened to
EVENTS = {
    "alias.moved": (_("moved an alias of"), "model"),
    "alias.removed": (_("removed an alias of"), "model"),
    "collected.deleted": (_("deleted collected data of"), "service"),
    "collected.downloaded": (_("downloaded collected data of"), "service"),
    "environment.created": (_("created environment"), "environment"),
    "environment.deleted": (_("deleted environment"), ""),
    "environment.updated": (_("changed environment"), "environment"),
    "group.created": (_("created the resource group"), ""),
    "image.deleted": (_("deleted image"), ""),
    "image.recorded": (_("finished building image"), "image"),
    "image.requested": (_("asked for image"), "image"),
    "key.regenerated": (_("regenerated a key of"), "service"),
    "key.session": (_("took a session key of"), "service"),
    "key.stopped": (_("stopped an old key of"), "service"),
    "manifest.created": (_("wrote manifest"), "manifest"),
    "manifest.deleted": (_("deleted manifest"), ""),
    "member.added": (_("added member"), ""),
    "member.changed": (_("changed the role of"), ""),
    "member.removed": (_("removed member"), ""),
    "model.changed": (_("described model"), "model"),
    "model.deleted": (_("deleted model"), ""),
    "model.registered": (_("registered model"), "model"),
    "operation.approved": (_("approved the answers of"), ""),
    "operation.cancelled": (_("cancelled"), ""),
    "operation.rejected": (_("rejected the answers of"), ""),
    "service.created": (_("created service"), "service"),
    "service.deleted": (_("deleted service"), ""),
    "service.following": (_("changed which alias is followed by"), "service"),
    "service.started": (_("started service"), "service"),
    "service.stopped": (_("stopped service"), "service"),
    "service.unhealthy": (_("noticed a failing replica of"), "service"),
    "service.updated": (_("updated service"), "service"),
    "support.downloaded": (_("downloaded a support bundle"), ""),
}


#: steps of operations, as the workers write them, and their notes
STEPS = (
    *(gettext_noop("Resolve packages"), gettext_noop("Install packages"), gettext_noop("Add model and scoring file")),
    *(gettext_noop("Start it once and try the sample"), gettext_noop("Keep the image")),
    *(gettext_noop("Wait until init() has ended and the right replicas answer"), gettext_noop("Callers get 404")),
    *(gettext_noop("Switch the routes; URL and keys stay as they are"), gettext_noop("Answer callers with 503 stopped")),
    *(gettext_noop("Stop the replicas"), gettext_noop("Stop and remove the replicas"), gettext_noop("Remove the service")),
    gettext_noop("The worker ended in the middle of it."),
)
#: the same with numbers and names in them
STEPS_WITH = (
    (re.compile(r"Start (?P<count>\d+) replicas? of (?P<image>\S+)"), _("Start replicas of %(image)s: %(count)s")),
    (re.compile(r"Let revision (?P<number>\d+) finish its calls and stop"), _("Let revision %(number)s finish its calls and stop")),
    (re.compile(r"Ask (?P<count>\d+) saved requests?"), _("Ask saved requests: %(count)s")),
    (re.compile(r"Compare (?P<count>\d+) saved answers?"), _("Compare saved answers: %(count)s")),
    # and what is noted beside them
    (re.compile(r"(?P<count>\d+) packages"), _("%(count)s packages")),
    (re.compile(r"(?P<count>\d+) files"), _("%(count)s files")),
    (
        re.compile(r"The environment (?P<key>\w+) is reused: (?P<count>\d+) packages\."),
        _("The environment %(key)s is reused: %(count)s packages."),
    ),
    (
        re.compile(r"(?P<cpu>\S+) CPU, (?P<memory>\d+) MiB each, on (?P<environment>\S+)"),
        _("%(cpu)s CPU, %(memory)s MiB each, on %(environment)s"),
    ),
    (
        re.compile(r"revision (?P<new>\d+) serves; revision (?P<old>\d+) is retired"),
        _("revision %(new)s serves; revision %(old)s is retired"),
    ),
    (re.compile(r"revision (?P<new>\d+) serves"), _("revision %(new)s serves")),
    (re.compile(r"approved by (?P<person>.+)"), _("approved by %(person)s")),
    (re.compile(r"all (?P<count>\d+) are the same"), _("all %(count)s are the same")),
    (re.compile(r"(?P<changed>\d+) of (?P<count>\d+) changed: (?P<names>.+)"), _("%(changed)s of %(count)s changed: %(names)s")),
)


def step_words(title: str) -> str:
    """The title of an operation's step, or its note, in the reader's language; workers write English."""
    if title in STEPS:
        return gettext(title)
    for shape, words in STEPS_WITH:
        if get_language() not in ("en", None) and (found := shape.fullmatch(title)):
            return str(words) % found.groupdict()
    return title


def runtime_words(manifest) -> str:
    """Python 3.11; Spark 3.5, Python 3.11"""
    known = RUNTIMES.get(manifest.runtime)
    return f"{known.label if known else manifest.runtime} {manifest.python}"


def person_words(person: object) -> str:
    """A person by name; the account that the portal acts as is no person."""
    name = str(person)
    return gettext("the portal itself") if name == User.SYSTEM else name


def event_words(event) -> tuple[str, str]:
    """(what was done, the page's name of what it was done to, or "")."""
    return EVENTS.get(event.tag, (event.tag, ""))


def environment_state(environment) -> str:
    """Which look an environment has: the last *Test connection* says so."""
    if environment.reachable is None:
        return "environment:unknown"
    if not environment.reachable:
        return "environment:no"
    return "environment:limited" if environment.limited else "environment:yes"
