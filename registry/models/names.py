"""Numbers under a name: 1, 2, 3, … and never one twice, even after a deletion."""

from __future__ import annotations

from django.db import models


class Sequence(models.Model):
    """The last number given out for one kind of thing under one name of a group."""

    group = models.ForeignKey("accounts.ResourceGroup", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=32)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "kind", "name"], name="one_sequence_per_name")]

    @classmethod
    def next(cls, group, kind: str, name: str) -> int:
        """The next number; call it inside the transaction that writes the row, which holds the lock."""
        row, _ = cls.objects.select_for_update().get_or_create(group=group, kind=kind, name=name)
        row.last += 1
        row.save(update_fields=["last"])
        return row.last
