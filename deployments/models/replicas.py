"""A replica is one running copy, as last observed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.accounts.permissions import scoped


class Replica(models.Model):
    """Written by whoever observed last; `observed_at` keeps an older look from overwriting a newer one."""

    class State(models.TextChoices):
        STARTING = "starting", _("Starting")
        READY = "ready", _("Ready")
        UNREACHABLE = "unreachable", _("Unreachable")
        CRASHED = "crashed", _("Crash-looping")

    revision = models.ForeignKey("deployments.Revision", on_delete=models.CASCADE, related_name="replicas")
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=16, choices=State.choices)
    address = models.CharField(max_length=200, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    restarts = models.PositiveIntegerField(default=0)
    cpu = models.FloatField(null=True, blank=True)
    memory = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    observed_at = models.DateTimeField()

    objects = scoped("revision__service__group").as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["revision", "name"], name="one_row_per_replica")]

    def __str__(self) -> str:
        return self.name
