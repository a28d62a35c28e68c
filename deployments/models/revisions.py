"""A revision is one image's time on one service; the original's word is deployment.

Pending ──> Rolling ──> Serving ──> Retired
   │           └──────> Failed
   └──────────────────> Failed
"""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import scoped
from portal.states import Stateful


def _nonce() -> str:
    return secrets.token_hex(8)


class Revision(Stateful):
    """Numbered under its service. Its replicas answer health checks with its number, digest and nonce."""

    class State(models.TextChoices):
        PENDING = "Pending", _("Pending")
        ROLLING = "Rolling", _("Rolling out")
        SERVING = "Serving", _("Serving")
        RETIRED = "Retired", _("Retired")
        FAILED = "Failed", _("Failed")

    MOVES = {
        State.PENDING: {State.ROLLING, State.FAILED},
        State.ROLLING: {State.SERVING, State.FAILED},
        State.SERVING: {State.RETIRED},
        State.RETIRED: set(),
        State.FAILED: set(),
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    image = models.ForeignKey("registry.Image", on_delete=models.PROTECT, related_name="revisions")
    cpu = models.FloatField()
    memory = models.BigIntegerField()
    gpus = models.SmallIntegerField(default=0)
    workers = models.PositiveSmallIntegerField(default=0)
    collect_data = models.BooleanField(default=False)
    collect_rules = models.JSONField(default=list, blank=True)
    batching = models.BooleanField(default=True)
    timeout = models.PositiveIntegerField(default=60)
    nonce = models.CharField(max_length=32, default=_nonce)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    note = models.CharField(max_length=300, blank=True)
    #: why it failed, in one sentence
    reason = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    serving_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = scoped("service__group").as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["service", "number"], name="one_revision_per_number"),
            models.UniqueConstraint(fields=["service"], condition=models.Q(state="Serving"), name="one_serving_revision"),
        ]
        # A year's revisions have ended, all but these.
        indexes = [
            models.Index(fields=["service"], condition=models.Q(state__in=["Pending", "Rolling"]), name="coming_revisions"),
        ]

    def __str__(self) -> str:
        return f"{self.service} revision {self.number}"

    @property
    def group(self):
        return self.service.group

    @property
    def batches(self) -> bool:
        """Waiting requests go into one call: the probe has shown that it is right, and the person left it on."""
        return self.batching and self.image.shares_calls

    @property
    def spec_name(self) -> str:
        """The name at the target: from uuids, never from people's words."""
        return f"mp-{self.service_id.hex[:16]}-r{self.number}"
