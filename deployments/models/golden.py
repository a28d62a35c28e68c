"""Golden requests, and what a revision answered to them before it took traffic.

Waiting ──> Approved
   └──────> Rejected        Passed, Warned and Stopped are ends from the beginning
"""

from __future__ import annotations

import json
import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import scoped
from portal.states import Stateful


class GoldenRequest(models.Model):
    """A request and the answer it should get. Both are JSON text as it was sent: it may hold what no database keeps as JSON."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="golden_requests")
    name = models.CharField(max_length=64)
    body = models.TextField()
    expected = models.TextField()
    #: {place in the answer: number, "5%" or "ignore"}, as deployments.golden.compare reads it
    tolerances = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = scoped("service__group").as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["service", "name"], name="one_golden_request_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def group(self):
        return self.service.group


class GoldenRun(Stateful):
    """What one revision answered. `results` is text: JSON of [{name, outcome, status, seconds, differences, got}]."""

    class State(models.TextChoices):
        PASSED = "Passed", _("Same answers")
        WARNED = "Warned", _("Changed, and let through by the rule")
        STOPPED = "Stopped", _("Changed, and stopped by the rule")
        WAITING = "Waiting", _("Waits for a person")
        APPROVED = "Approved", _("Approved")
        REJECTED = "Rejected", _("Rejected")

    MOVES = {
        State.PASSED: set(),
        State.WARNED: set(),
        State.STOPPED: set(),
        State.WAITING: {State.APPROVED, State.REJECTED},
        State.APPROVED: set(),
        State.REJECTED: set(),
    }

    revision = models.OneToOneField("deployments.Revision", on_delete=models.CASCADE, related_name="golden_run")
    state = models.CharField(max_length=16, choices=State.choices)
    results_text = models.TextField(default="[]")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = scoped("revision__service__group").as_manager()

    def __str__(self) -> str:
        return f"{self.revision}: {self.get_state_display()}"

    @property
    def results(self) -> list[dict]:
        return json.loads(self.results_text)


class GoldenCheck(models.Model):
    """What the serving revision answered when somebody asked it; `results` as in a run."""

    operation = models.OneToOneField("deployments.Operation", on_delete=models.CASCADE, related_name="golden_check")
    revision = models.ForeignKey("deployments.Revision", on_delete=models.CASCADE, related_name="golden_checks")
    results_text = models.TextField(default="[]")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = scoped("revision__service__group").as_manager()

    def __str__(self) -> str:
        return f"{self.revision}: asked at {self.created_at}"

    @property
    def results(self) -> list[dict]:
        return json.loads(self.results_text)
