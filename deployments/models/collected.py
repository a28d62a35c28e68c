"""Collected data: what score.py has handed to its collectors, a row a stream and day, and the files that hold it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from portal.accounts.permissions import scoped


class CollectedDay(models.Model):
    """What one collector (model, version, identifier) of a service has collected on one day (UTC)."""

    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="collected_days")
    day = models.DateField()
    #: `-` where the score file names none; a version is text, since files may say anything
    model = models.CharField(max_length=200)
    version = models.CharField(max_length=200)
    identifier = models.CharField(max_length=200)
    rows = models.BigIntegerField(default=0)
    #: of the files in the storage
    bytes = models.BigIntegerField(default=0)
    #: rows that were collected and lost: the replica's spool was full, or they could not be kept
    dropped = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    objects = scoped("service__group").as_manager()

    class Meta:
        ordering = ["-day", "model", "version", "identifier"]
        constraints = [models.UniqueConstraint(fields=["service", "day", "model", "version", "identifier"], name="one_collected_day")]

    def __str__(self) -> str:
        return f"{self.identifier} of {self.model} {self.version} on {self.day}"

    @property
    def stream(self) -> tuple[str, str, str]:
        return self.model, self.version, self.identifier


class CollectedPart(models.Model):
    """One Parquet file. Its row is written before the file, and is given its day when everything is there.

    A part without a day is nobody's: it was not finished, was merged into another, or its day was deleted.
    The housekeeping removes it, file first, an hour after `orphan_since`, so that no file is ever forgotten.
    """

    day = models.ForeignKey(CollectedDay, null=True, on_delete=models.SET_NULL, related_name="parts")
    #: in the storage `collected`
    name = models.CharField(max_length=1000, unique=True)
    rows = models.PositiveIntegerField()
    bytes = models.BigIntegerField(default=0)
    #: [[name, kind]] of the columns beside the three of every row; the kinds are those of deployments.collected.tables
    columns = models.JSONField(default=list)
    first_at = models.DateTimeField()
    orphan_since = models.DateTimeField(null=True, default=timezone.now)

    class Meta:
        ordering = ["first_at", "pk"]

    def __str__(self) -> str:
        return self.name


class CollectedSource(models.Model):
    """How far one replica's spool was read. Spool and number name a batch for ever, so none is kept twice."""

    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="+")
    spool = models.CharField(max_length=64)
    sequence = models.BigIntegerField(default=0)
    #: rows lost so far, by stream, as the spool counts them: [[model, version, identifier, rows]]
    lost = models.JSONField(default=list)
    seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "spool"], name="one_source_per_spool")]

    def __str__(self) -> str:
        return self.spool
