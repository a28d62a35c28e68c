"""Everybody is told of what is theirs, once: what failed, what waits for them, what others did."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deployments import observation
from deployments.actions.notifications import mark_read
from deployments.health import Health
from deployments.models import Operation
from deployments.notifications import count_new, notifications
from deployments.targets.base import ObservedReplica, ReplicaState
from portal.accounts.actions import add_member, change_role, remove_member
from portal.accounts.models import User
from registry.actions.aliases import move_alias
from tests import factories

pytestmark = pytest.mark.django_db
S = Operation.State


@pytest.fixture(autouse=True)
def at_once(settings):
    """No count stands for a while, so that each look is a look."""
    settings.CACHES = {**settings.CACHES, "moment": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


def kinds(user) -> list[str]:
    return [one.kind for one in notifications(fresh(user))]


def fresh(user) -> User:
    """As the next request knows them."""
    return User.objects.get(pk=user.pk)


def ended(group, state: str, by, **fields) -> Operation:
    return factories.make_operation(group, state=state, created_by=by, ended_at=timezone.now(), **fields)


def test_work_that_failed_is_told_to_whose_it_is(group, owner, contributor, reader):
    service = factories.make_service(group, name="iris", created_by=contributor)
    ended(group, S.FAILED, contributor, label="iris:3", error={"code": "BuildFailed", "message": "There is no package scikit-lern."})
    ended(group, S.FAILED, owner, kind="Service", label="iris", service=service)
    ended(group, S.SUCCEEDED, owner, kind="Service", label="iris", service=service)
    ended(group, S.SUCCEEDED, contributor, kind="Service", label="iris", service=service)
    assert kinds(contributor) == ["operation.done", "operation.failed", "operation.failed"]
    assert kinds(owner) == ["operation.failed"] and kinds(reader) == []
    told = notifications(fresh(contributor))[-1]
    assert (told.message, told.detail, told.new) == ("Build image: iris:3 failed.", "There is no package scikit-lern.", True)


def test_decisions_that_wait_are_told_to_who_may_decide(group, owner, contributor, reader, stranger):
    factories.make_operation(group, kind="Service", label="iris", state=S.WAITING, heartbeat_at=timezone.now())
    assert kinds(owner) == kinds(contributor) == ["operation.waiting"]
    assert kinds(reader) == kinds(stranger) == []


def test_a_replica_that_falls_is_an_event_and_told_once(group, owner, contributor, reader):
    service = factories.make_service(group, name="iris")
    revision = service.revisions.get()

    def look(*, ready: bool):
        seen = ObservedReplica(
            name="mp-one", state=ReplicaState.RUNNING if ready else ReplicaState.EXITED, address="127.0.0.1:1", detail=""
        )
        observation.write_down(revision, [observation.Sight(seen, Health(ready, "" if ready else "It was killed.", ready))])

    look(ready=True)
    assert kinds(contributor) == []
    for _ in range(3):
        look(ready=False)
        look(ready=True)
    assert kinds(contributor) == kinds(owner) == ["service.unhealthy"] and kinds(reader) == []
    told = notifications(fresh(owner))[0]
    assert (told.message, told.detail, told.noun, told.subject) == (
        "A replica of iris stopped answering.",
        "It was killed.",
        "service",
        "iris",
    )


def test_others_moves_and_ones_own_membership(group, owner, contributor, reader, stranger):
    version = factories.make_model_version(group)
    move_alias(user=contributor, version=version, name="champion")
    assert kinds(contributor) == [] and kinds(owner) == ["alias.moved"] and kinds(reader) == []
    assert notifications(fresh(owner))[0].message == "contributor pointed iris@champion at iris:1."
    membership = add_member(user=owner, group=group, person="stranger", role="reader")
    change_role(user=owner, membership=membership, role="contributor")
    remove_member(user=owner, membership=membership)
    assert [one.message for one in notifications(fresh(stranger))] == [
        "owner ended your membership of demo.",
        "owner changed your role in demo.",
        "owner made you a member of demo.",
    ]


def test_what_was_seen_is_not_new_by_each_door_and_nothing_is_lost_between(group, owner, client_for):
    ended(group, S.FAILED, owner, label="iris:1")
    seen = notifications(fresh(owner))[0].at
    later = ended(group, S.FAILED, owner, label="iris:2")
    assert count_new(fresh(owner)) == 2
    rest = client_for(owner)
    assert rest.post("/api/v1/notifications/read/", {"until": seen.isoformat()}).status_code == 200
    told = rest.get("/api/v1/notifications/").json()
    newest = told["value"][0]
    assert told["count"] == 1 and (newest["subject"], newest["new"]) == (str(later.pk), True)
    page = Client()
    page.force_login(owner)
    shown = page.get("/notifications").content.decode()
    assert f"/g/demo/operations/{later.pk}" in shown and "Mark all as read" in shown and "Notifications, 1 new" in shown
    assert page.post("/notifications", {"until": later.ended_at.isoformat()})["Location"] == "/notifications"
    assert count_new(fresh(owner)) == 0 and "Mark all as read" not in page.get("/notifications").content.decode()
    # What is sent by hand neither fails nor goes back.
    for said in ("nonsense", "2020-01-01", "2020-01-01T00:00:00", "2999-13-01T00:00:00Z"):
        assert page.post("/notifications", {"until": said}).status_code == 302
    assert mark_read(user=fresh(owner), until=timezone.now() + timedelta(days=9)) <= timezone.now()


def test_old_things_are_history_and_pages_ask_once(group, owner, django_assert_num_queries, settings):
    ended(group, S.FAILED, owner)
    Operation.objects.update(created_at=timezone.now() - timedelta(days=40), ended_at=timezone.now() - timedelta(days=40))
    assert kinds(owner) == []
    person = fresh(owner)
    assert person.preferences.count() == 0
    count_new(person)
    with django_assert_num_queries(1):
        count_new(person)
    settings.CACHES = {**settings.CACHES, "moment": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "test"}}
    count_new(person)
    with django_assert_num_queries(0):
        count_new(person)
    with django_assert_num_queries(2):
        notifications(person)
