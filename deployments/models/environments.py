"""Where images are built and services run: a target's alias and limits."""

from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from portal.accounts.permissions import ScopedQuerySet
from portal.names import name_validators


class Environment(models.Model):
    """`target` names an entry of settings.TARGETS, which operators define; a person chooses one and sets limits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.PROTECT, related_name="environments")
    name = models.CharField(max_length=32, validators=name_validators)
    description = models.CharField(max_length=500, blank=True)
    target = models.CharField(max_length=32)
    #: the most one service may ask for here
    max_replicas = models.PositiveIntegerField(default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)])
    max_cpu = models.FloatField("most cores per replica", default=4, validators=[MinValueValidator(0.1), MaxValueValidator(1024)])
    max_memory = models.BigIntegerField("most bytes of memory per replica", default=8 * 2**30, validators=[MinValueValidator(64 * 2**20)])
    #: whether a service may ask for GPUs, as the last *Test connection* found
    offers_gpus = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    #: why this target was chosen, in words, and what the last *Test connection* said
    note = models.CharField(max_length=500, blank=True)
    checks = models.JSONField(default=list, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["group", "name"], name="one_environment_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def reachable(self) -> bool | None:
        """None until it was tested. Limits of a kind (a check that is not needed) take nothing away from it."""
        return all(check["ok"] or not check.get("needed", True) for check in self.checks) if self.checks else None

    @property
    def machine(self) -> tuple[float, int] | None:
        """(cores, bytes of memory) of what it runs on, as the last *Test connection* has seen them."""
        return next(((check["cores"], check["memory"]) for check in self.checks if check.get("cores") and check.get("memory")), None)

    @property
    def limited(self) -> bool:
        """It works, and something about it should be known."""
        return any(not check["ok"] and not check.get("needed", True) for check in self.checks)
