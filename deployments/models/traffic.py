"""Calls, rolled up. Scoring never waits for it; what the observer loses is counted by it."""

from __future__ import annotations

from django.db import models

from portal.accounts.permissions import scoped


class TrafficBucket(models.Model):
    """The calls of one service, revision and status class in one stretch of time.

    `latencies` are counts by bucket of deployments.telemetry.histogram, whose bounds never change.
    """

    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="traffic")
    revision = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField()
    starts_at = models.DateTimeField()
    #: seconds the bucket covers: 10, 60 or 3600
    span = models.PositiveIntegerField(default=10)
    calls = models.PositiveIntegerField(default=0)
    microseconds = models.BigIntegerField(default=0)
    bytes_in = models.BigIntegerField(default=0)
    bytes_out = models.BigIntegerField(default=0)
    latencies = models.JSONField(default=dict)

    objects = scoped("service__group").as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "revision", "status", "starts_at", "span"], name="one_bucket")]
        indexes = [models.Index(fields=["service", "span", "starts_at"])]
