"""How many services run and which are in trouble, asked of the database: a group may have thousands, and a page shows a few.

The rule is that of `deployments.states.service_state`; tests/deployments/test_standing.py holds the two against each other.
"""

from __future__ import annotations

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet

from deployments.models import Replica, Revision, Service

COMING = (Revision.State.PENDING, Revision.State.ROLLING)


def telling_revisions(*, whole: bool = False, also: Q | None = None) -> Prefetch:
    """Of each service the revisions that its state is derived from: what comes, what serves, and the newest; `telling` reads them.

    A service may have hundreds. Lists need of an image only its name, so what it holds is left out; with `whole` it and the
    image's manifest come along. `also` are others that a page shows, with who made them.
    """
    newer = Revision.objects.filter(service=OuterRef("service"), number__gt=OuterRef("number"))
    wanted = Q(state__in=(*COMING, Revision.State.SERVING)) | ~Exists(newer)
    rows = Revision.objects.filter(wanted | also if also else wanted).select_related("image").prefetch_related("replicas")
    rows = rows.select_related("image__manifest") if whole else rows.defer("image__packages", "image__probe")
    rows = rows.select_related("created_by") if also else rows
    # Not as `revisions`: whatever is asked of a prefetched relation keeps to the rows that were prefetched.
    return Prefetch("revisions", rows, to_attr="telling_revisions")


def telling(service: Service) -> list[Revision]:
    """The newest first."""
    found = getattr(service, "telling_revisions", None)
    return list(service.revisions.all()) if found is None else found


def _revisions(*states: str) -> Exists:
    rows = Revision.objects.filter(service=OuterRef("pk"))
    return Exists(rows.filter(state__in=states) if states else rows)


def _settled(services: QuerySet) -> QuerySet:
    """Neither stopped nor going, and nothing is on its way."""
    return services.filter(~_revisions(*COMING), deleting=False, stopped=False)


def _serving(services: QuerySet) -> QuerySet:
    """With how many of the serving revision's replicas are ready, and how many are more than starting."""
    of = "revisions__replicas__state"
    ready = Count("revisions__replicas", filter=Q(**{of: Replica.State.READY}))
    begun = Count("revisions__replicas", filter=~Q(**{of: Replica.State.STARTING}))
    return _settled(services).filter(revisions__state=Revision.State.SERVING).annotate(ready=ready, begun=begun)


def _short(services: QuerySet) -> QuerySet:
    """It serves with fewer replicas than wanted. Where all are starting still, it is starting."""
    return _serving(services).filter(ready__lt=F("replicas"), begun__gt=0)


def gone(services: QuerySet) -> QuerySet:
    """Nothing serves, though something was tried."""
    return _settled(services).filter(~_revisions(Revision.State.SERVING), ~Q(trouble="") | _revisions())


def running_and_short(services: QuerySet) -> tuple[int, int]:
    """How many have all the replicas that are wanted, and how many have too few; `gone` are not among them."""
    wanted, short = Q(ready__gte=F("replicas")), Q(ready__lt=F("replicas"), begun__gt=0)
    found = _serving(services).aggregate(running=Count("pk", filter=wanted), short=Count("pk", filter=short))
    return found["running"], found["short"]


def first_and_troubled(services: QuerySet, *, first: int, troubled: int) -> QuerySet:
    """The first by name, and the first of both kinds of trouble, in one question."""
    by_name = services.order_by("name")
    return by_name.filter(
        Q(pk__in=by_name.values("pk")[:first])
        | Q(pk__in=_short(by_name).values("pk")[:troubled])
        | Q(pk__in=gone(by_name).values("pk")[:troubled])
    )
