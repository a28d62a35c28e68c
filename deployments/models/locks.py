"""Two small tables that several processes agree through."""

from __future__ import annotations

from django.db import models


class PackageLock(models.Model):
    """What a set of requirements was resolved to, kept until somebody rebuilds with newer packages."""

    key = models.CharField(max_length=64, primary_key=True)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)


class Lease(models.Model):
    """One holder at a time for a job that must not run twice (the observer)."""

    name = models.CharField(max_length=64, primary_key=True)
    holder = models.CharField(max_length=100)
    expires_at = models.DateTimeField()
    #: raised by each change of holder, so that a late write of an old one can be told
    generation = models.BigIntegerField(default=0)
