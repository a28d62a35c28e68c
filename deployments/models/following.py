"""A service that follows an alias: when the alias is pointed at another version, the service is updated to it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from deployments.models.operations import Operation
from deployments.models.revisions import Revision
from portal.accounts.permissions import scoped


def standing(*, service: str, version: str, following: str) -> dict[str, models.Expression]:
    """`in_step`, and the newest operation's id and state, by the columns of an outer query that say which service follows what."""
    serving = Revision.objects.filter(
        service=models.OuterRef(service), state=Revision.State.SERVING, image__manifest__uses__version=models.OuterRef(version)
    )
    newest = Operation.objects.filter(following=models.OuterRef(following)).order_by("-created_at")
    return {
        "in_step": models.Exists(serving),
        "newest": models.Subquery(newest.values("pk")[:1]),
        "newest_state": models.Subquery(newest.values("state")[:1]),
    }


class FollowingQuerySet(scoped("service__group")):
    def with_state(self) -> FollowingQuerySet:
        """What `deployments.states.following_states` begins with."""
        rows = self.select_related("service__group", "alias__model", "alias__version__model")
        return rows.annotate(**standing(service="service", version="alias__version", following="pk"))


class Following(models.Model):
    """One alias for a service. What became of its updates is told by `operations`; `trouble` is why there could be none."""

    service = models.OneToOneField("deployments.Service", on_delete=models.CASCADE, related_name="following")
    #: an alias that is followed cannot be removed
    alias = models.ForeignKey("registry.Alias", on_delete=models.PROTECT, related_name="followings")
    paused = models.BooleanField(default=False)
    trouble = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FollowingQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.service} follows {self.alias}"

    @property
    def group(self):
        return self.service.group

    def unfinished(self) -> models.QuerySet:
        return self.operations.exclude(state__in=Operation.FINISHED)
