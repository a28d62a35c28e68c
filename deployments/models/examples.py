"""Requests that people keep for *Try it*."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from portal.accounts.permissions import scoped


class ServiceExampleQuerySet(scoped("service__group")):
    def seen_by(self, user):
        """One's own and those that are shared with the group."""
        return self.filter(models.Q(shared=True) | models.Q(created_by=user))


class ServiceExample(models.Model):
    """A request body with a name: its maker's, or, `shared`, everybody's in the group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    service = models.ForeignKey("deployments.Service", on_delete=models.CASCADE, related_name="examples")
    name = models.CharField(max_length=64)
    body = models.TextField()
    shared = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ServiceExampleQuerySet.as_manager()

    class Meta:
        ordering = ["name", "created_at"]
        constraints = [models.UniqueConstraint(fields=["service", "created_by", "name"], name="one_example_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def group(self):
        return self.service.group
