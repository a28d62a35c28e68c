"""How many services run and which are in trouble, asked of the database: a group may have thousands, and a page shows a few.

The rule is that of `deployments.states.service_state`; tests/deployments/test_standing.py holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Case, Count, Exists, F, FilteredRelation, OuterRef, Prefetch, Q, QuerySet, Subquery, When

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


def settled(services: QuerySet) -> QuerySet:
    """Neither stopped nor going, and nothing is on its way: they run, or they are `not_running`."""
    return services.filter(~_revisions(*COMING), deleting=False, stopped=False)


def _serving(services: QuerySet) -> QuerySet:
    """With how many of the serving revision's replicas are ready, and how many are more than starting."""
    of = "revisions__replicas__state"
    ready = Count("revisions__replicas", filter=Q(**{of: Replica.State.READY}))
    begun = Count("revisions__replicas", filter=~Q(**{of: Replica.State.STARTING}))
    return settled(services).filter(revisions__state=Revision.State.SERVING).annotate(ready=ready, begun=begun)


def running(services: QuerySet) -> QuerySet:
    """It serves with all the replicas that are wanted."""
    return _serving(services).filter(ready__gte=F("replicas"))


def short(services: QuerySet) -> QuerySet:
    """It serves with fewer replicas than wanted. Where all are starting still, it is starting."""
    return _serving(services).filter(ready__lt=F("replicas"), begun__gt=0)


def gone(services: QuerySet) -> QuerySet:
    """Nothing serves, though something was tried."""
    return settled(services).filter(~_revisions(Revision.State.SERVING), ~Q(trouble="") | _revisions())


@dataclass(frozen=True, slots=True)
class NotRunning:
    """Settled services with fewer replicas than wanted: their ids by name. Those of `starting` are in no trouble (yet)."""

    short: list = field(default_factory=list)
    gone: list = field(default_factory=list)
    starting: list = field(default_factory=list)

    @property
    def troubled(self) -> list:
        return self.short + self.gone

    def __len__(self) -> int:
        return len(self.short) + len(self.gone) + len(self.starting)


def not_running(services: QuerySet) -> NotRunning:
    """By one question, which asks for the replicas of all and answers with the few that matter."""
    serving = FilteredRelation("revisions", condition=Q(revisions__state=Revision.State.SERVING))
    of = "serving__replicas__state"
    ready = Count("serving__replicas", filter=Q(**{of: Replica.State.READY}))
    begun = Count("serving__replicas", filter=~Q(**{of: Replica.State.STARTING}))
    # Whether anything was ever tried is looked up only where nothing serves; PostgreSQL would answer an EXISTS for all at once.
    any_of_it = Revision.objects.filter(service=OuterRef("pk")).order_by().values("number")[:1]
    tried = Case(When(serving__isnull=True, then=Subquery(any_of_it)))
    rows = settled(services).order_by("name").annotate(serving=serving).annotate(ready=ready, begun=begun, tried=tried)
    found = NotRunning()
    for pk, of_it, begun_of_it, was_tried, trouble in rows.filter(Q(ready__lt=F("replicas")) | Q(serving__isnull=True)).values_list(
        "pk", "serving", "begun", "tried", "trouble"
    ):
        if of_it is None:
            (found.gone if was_tried or trouble else found.starting).append(pk)
        else:
            (found.short if begun_of_it else found.starting).append(pk)
    return found
