"""What the frame around each page, and most pages in it, ask of the database: by one question."""

from __future__ import annotations

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from deployments.models import Operation
from portal.accounts import preferences
from portal.accounts.models import ResourceGroup
from portal.accounts.permissions import groups_of

RUNNING = [Operation.State.NOT_STARTED, Operation.State.RUNNING]


def groups_in_frame(user) -> list[ResourceGroup]:
    """The groups to switch to; each with `running`, how many operations wait or run in it. The person's preferences come along."""
    at_work = Operation.objects.order_by().filter(group=OuterRef("group"), state__in=RUNNING).values("group")
    running = Coalesce(Subquery(at_work.annotate(count=Count("pk")).values("count")), 0)
    groups = groups_of(user, running=running, preferred=preferences.in_a_column("user"))
    if groups:
        preferences.keep(user, groups[0].preferred)
    return groups
