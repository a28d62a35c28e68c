"""Services: rolled out when the right replicas answer, updated without a new URL or key, restored when a replica dies."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.utils import timezone

from deployments import engines, observation, reconcile, rollouts, routing, steps, work
from deployments.actions import services
from deployments.actions.environments import delete_environment
from deployments.actions.images import create_image, delete_image
from deployments.actions.operations import cancel_operation, rerun_operation
from deployments.gateway import Gateway, GatewayError
from deployments.models import Operation, Replica, Revision, Service, ServiceKey
from deployments.states import service_state
from portal.accounts import actions as people
from portal.errors import Conflict, IllegalMove, NotAllowed, Unavailable
from tests import factories
from tests.fakes import FakeTarget

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def image(group, owner, environment, perform):
    manifest = factories.make_manifest(group, user=owner)
    return perform(create_image(user=owner, group=group, manifest=manifest, environment=environment)).image


@pytest.fixture
def deploy(group, owner, environment, image, perform):
    """deploy(): a service that runs; its keys are in `deploy.keys`."""

    def deploy(name="iris", **fields):
        operation, deploy.keys = services.create_service(user=owner, group=group, name=name, image=image, environment=environment, **fields)
        return perform(operation).service

    return deploy


def fresh(service: Service) -> Service:
    return Service.objects.get(pk=service.pk)


def route(service: Service):
    return next(route for route in routing.snapshot().services if route.id == service.pk.hex)


def test_a_service_runs_once_its_replicas_say_who_they_are(deploy):
    service = deploy(replicas=2)
    state = service_state(fresh(service))
    assert (state.word, state.ready, state.desired) == ("Running", 2, 2)
    assert [step.name for step in service.operations.get().steps.all()] == ["start", "ready", "route"]
    assert route(service).state == "running" and len(route(service).backends[0].replicas) == 2


def test_the_two_keys_are_kept_as_hashes_and_shown_once(deploy):
    service = deploy()
    kept = {key.slot: key for key in service.keys.all()}
    assert set(kept) == set(deploy.keys) == {"primary", "secondary"}
    for slot, value in deploy.keys.items():
        assert value.startswith("mp_") and len(value) == 59
        assert kept[slot].hash == hashlib.sha256(value.encode()).hexdigest() and value not in str(vars(kept[slot]))


def test_an_update_keeps_url_and_keys_and_retires_the_old_revision(deploy, image, owner, group, environment, perform):
    service = deploy()
    url, keys = service.scoring_url, set(service.keys.values_list("hash", flat=True))
    newer = perform(create_image(user=owner, group=group, manifest=image.manifest, environment=environment)).image
    operation = perform(services.update_service(user=owner, service=service, image=newer))
    assert operation.state == "Succeeded"
    service = fresh(service)
    assert service.scoring_url == url and set(service.keys.values_list("hash", flat=True)) == keys
    assert list(service.revisions.values_list("number", "state")) == [(2, "Serving"), (1, "Retired")]
    assert list(FakeTarget.replicas) == [service.revisions.first().spec_name]


def test_a_revision_that_dies_at_start_leaves_the_old_one_serving(deploy, image, owner, perform):
    service = deploy()
    FakeTarget.dead_at_start = True
    operation = perform(services.update_service(user=owner, service=service, image=image))
    assert operation.state == "Failed" and operation.error["fault"] == "yours"
    assert any("lightgbm" in line for line in operation.error["lines"]), "the replica's own last lines are shown"
    assert list(service.revisions.values_list("number", "state")) == [(2, "Failed"), (1, "Serving")]
    state = service_state(fresh(service))
    assert state.word == "Running" and "Revision 2 failed" in state.detail
    assert list(FakeTarget.replicas) == [service.revisions.last().spec_name]


def test_a_worker_that_lost_its_lease_does_not_switch_the_routes(deploy, image, owner, monkeypatch):
    service = deploy()
    late = services.update_service(user=owner, service=service, image=image)
    late.claim()
    Operation.objects.get(pk=late.pk).hand_back(due_at=timezone.now())
    Operation.objects.get(pk=late.pk).claim()
    with pytest.raises(IllegalMove), steps.Journal(late) as journal:
        # As if it had not looked since: only the row itself can tell it.
        monkeypatch.setattr(journal, "check_cancelled", lambda: None)
        rollouts.roll_out(late, journal)
    assert list(service.revisions.values_list("number", "state")) == [(2, "Rolling"), (1, "Serving")]


def test_a_revision_that_is_never_ready_is_given_up(deploy, image, owner, perform, monkeypatch):
    service = deploy()
    FakeTarget.ready = False
    monkeypatch.setattr(rollouts, "READY_SECONDS", 0.5)
    operation = perform(services.update_service(user=owner, service=service, image=image))
    assert operation.state == "Failed" and "not ready after" in operation.error["message"]


def test_a_stranger_at_the_address_is_not_routed_to(deploy):
    service = deploy()
    revision = service.revisions.get()
    Revision.objects.update(nonce="another-start")
    revision.refresh_from_db()
    sight = observation.look(revision, FakeTarget())[0]
    assert not sight.ready and "nonce" in sight.detail


def test_scaling_makes_no_revision(deploy, owner, perform):
    service = deploy()
    perform(services.update_service(user=owner, service=service, replicas=3))
    assert service.revisions.count() == 1 and service_state(fresh(service)).ready == 3
    perform(services.update_service(user=owner, service=service, replicas=1))
    assert service_state(fresh(service)).ready == 1 and Replica.objects.count() == 1
    assert services.update_service(user=owner, service=service, description="only words") is None


def test_stop_and_start_keep_url_and_keys(deploy, owner, perform):
    service = deploy()
    perform(services.stop_service(user=owner, service=service))
    assert service_state(fresh(service)).word == "Stopped" and not FakeTarget.replicas and route(service).state == "stopped"
    perform(services.start_service(user=owner, service=service))
    assert service_state(fresh(service)).word == "Running" and route(service).state == "running"
    assert service.keys.count() == 2


def test_delete_takes_everything_with_it(deploy, owner, perform):
    service = deploy()
    operation = services.delete_service(user=owner, service=service)
    assert not routing.snapshot().services, "callers get 404 before the worker has looked"
    assert perform(operation).state == "Succeeded"
    assert not Service.objects.exists() and not FakeTarget.replicas and not ServiceKey.objects.exists()


def test_the_clock_restores_a_dead_replica(deploy):
    service = deploy(replicas=2)
    revision = service.revisions.get()
    FakeTarget.replicas[revision.spec_name][0].die(137)
    reconcile.tick()
    assert service_state(fresh(service)).word == "Degraded"
    reconcile.tick()
    assert service_state(fresh(service)).word == "Running" and len(route(service).backends[0].replicas) == 2


def test_a_replica_that_dies_again_and_again_waits_longer_each_time(deploy):
    service = deploy()
    Replica.objects.update(state="crashed", restarts=4, started_at=timezone.now())
    assert not reconcile._may_start_again({replica.name: replica for replica in Replica.objects.all()})
    Replica.objects.update(started_at=timezone.now() - timedelta(seconds=41))
    assert reconcile._may_start_again({replica.name: replica for replica in Replica.objects.all()})
    assert service.revisions.count() == 1


def test_an_engine_that_is_away_changes_no_route(deploy):
    service = deploy()
    before = route(service).backends
    FakeTarget.away = True
    reconcile.tick()
    assert route(service).backends == before and service_state(fresh(service)).word == "Running"


def test_what_no_revision_wants_is_removed(deploy):
    service = deploy()
    FakeTarget.replicas["mp-left-over-r1"] = []
    reconcile.housekeeping()
    assert list(FakeTarget.replicas) == [service.revisions.get().spec_name]


def test_sessions_that_have_ended_are_removed(deploy):
    for key, hours in (("ended", -1), ("open", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now() + timedelta(hours=hours))
    reconcile.housekeeping()
    assert [session.session_key for session in Session.objects.all()] == ["open"]


def test_two_changes_are_done_one_after_the_other(deploy, owner, image, perform):
    service = deploy()
    first = services.update_service(user=owner, service=service, image=image)
    second = services.update_service(user=owner, service=service, image=image)
    assert perform(second).state == "NotStarted", "it waits for the first"
    assert perform(first).state == "Succeeded"
    assert perform(second).state == "Succeeded"
    assert service.revisions.filter(state="Serving").get().number == 3


def test_a_cancelled_rollout_leaves_the_old_revision(deploy, owner, image):
    service = deploy()
    operation = services.update_service(user=owner, service=service, image=image)
    cancel_operation(user=owner, operation=operation)
    assert list(service.revisions.values_list("number", "state")) == [(2, "Failed"), (1, "Serving")]


def test_regenerating_one_key_leaves_the_other(deploy, owner, reader):
    service = deploy()
    before = dict(service.keys.values_list("slot", "hash"))
    value = services.regenerate_key(user=owner, service=service, slot="primary")
    after = dict(service.keys.values_list("slot", "hash"))
    assert after["secondary"] == before["secondary"] and after["primary"] == hashlib.sha256(value.encode()).hexdigest() != before["primary"]
    with pytest.raises(NotAllowed):
        services.regenerate_key(user=reader, service=service, slot="primary")
    with pytest.raises(ValidationError):
        services.regenerate_key(user=owner, service=service, slot="session")


def test_a_session_key_is_short_lived(deploy, owner):
    service = deploy()
    value = services.session_key(user=owner, service=service)
    key = service.keys.get(slot="session")
    assert value.startswith("mps_") and timedelta(minutes=14) < key.expires_at - timezone.now() < timedelta(minutes=16)
    assert key.key_id in {key.key_id for key in route(service).keys}
    ServiceKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    assert key.key_id not in {key.key_id for key in route(service).keys}


def test_what_is_used_cannot_be_deleted_and_the_refusal_names_the_user(deploy, owner, image, environment):
    deploy(name="flowers")
    with pytest.raises(Conflict, match="flowers"):
        delete_image(user=owner, image=image)
    with pytest.raises(Conflict, match="flowers"):
        delete_environment(user=owner, environment=environment)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "Bad Name"}, "name"),
        ({"replicas": 11}, "replicas"),
        ({"cpu": 99.0}, "cpu"),
        ({"memory": 1}, "memory"),
        ({"allowed_origins": ["example.org/path"]}, "allowed_origins"),
    ],
)
def test_bad_wishes_are_refused_at_their_field_and_leave_nothing(group, owner, environment, image, fields, field):
    with pytest.raises(ValidationError) as refused:
        services.create_service(user=owner, group=group, image=image, environment=environment, **{"name": "iris", **fields})
    assert field in refused.value.message_dict
    assert not Service.objects.exists() and not Operation.objects.filter(kind="Service").exists()


def test_a_taken_name_is_a_conflict(deploy, owner, group, image, environment):
    deploy()
    with pytest.raises(Conflict, match="exists already"):
        services.create_service(user=owner, group=group, name="iris", image=image, environment=environment)


def test_an_image_of_another_kind_or_group_is_refused(group, owner, environment):
    directory = factories.make_image(group, format="directory")
    with pytest.raises(ValidationError, match="cannot run"):
        services.create_service(user=owner, group=group, name="iris", image=directory, environment=environment)
    other = factories.make_group("other")
    with pytest.raises(Conflict):
        services.create_service(user=owner, group=group, name="iris", image=factories.make_image(other), environment=environment)
    with pytest.raises(Conflict, match="not built"):
        services.create_service(
            user=owner, group=group, name="iris", image=factories.make_image(group, built=False), environment=environment
        )


def written(service: Service):
    """The service as the gateway's files have it."""
    routes = json.loads((routing.gateway().current / "routes.json").read_text())
    return next(route for route in routes["services"] if route["id"] == service.pk.hex)


def test_a_revoked_key_goes_from_the_gateway_when_its_message_was_lost(deploy, owner):
    service = deploy()
    services.regenerate_key(user=owner, service=service, slot="primary")
    hashes = set(service.keys.values_list("hash", flat=True))
    assert {key["sha256"] for key in written(service)["keys"]} != hashes
    reconcile.tick()
    assert {key["sha256"] for key in written(service)["keys"]} == hashes
    before = os.readlink(routing.gateway().current)
    reconcile.tick()
    assert os.readlink(routing.gateway().current) == before, "nothing is written when nothing has changed"


def test_a_gateway_that_refuses_does_not_keep_work_from_being_announced(deploy, owner, monkeypatch):
    service = deploy()
    operation = services.stop_service(user=owner, service=service)
    Operation.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr(Gateway, "serves", lambda self, routes: False)
    monkeypatch.setattr(Gateway, "apply", lambda self, routes: (_ for _ in ()).throw(GatewayError("it refuses")))
    assert reconcile.tick() == [(str(operation.pk), "Service")]


def test_what_was_refused_to_a_role_is_not_had_by_running_it_again(deploy, owner, contributor, image, perform, monkeypatch):
    service = deploy()
    FakeTarget.dead_at_start = True
    update = perform(services.update_service(user=owner, service=service, image=image))
    deletion = services.delete_service(user=owner, service=service)
    with pytest.raises(Conflict, match="being deleted"):
        rerun_operation(user=owner, operation=update)
    FakeTarget.away = True
    monkeypatch.setattr(work, "MOST_ATTEMPTS", 1)
    assert perform(deletion).state == "Failed"
    with pytest.raises(NotAllowed):
        rerun_operation(user=contributor, operation=deletion)
    FakeTarget.away = False
    assert perform(rerun_operation(user=owner, operation=deletion)).state == "Succeeded"
    assert not Service.objects.exists()


def test_cancelling_what_waits_touches_no_engine_and_a_worker_removes_what_was_started(deploy, owner, image, perform, engine, monkeypatch):
    def busy(self, name):
        raise Unavailable("The fake engine", "it is busy")

    service = deploy()
    monkeypatch.setattr(FakeTarget, "observe", busy)
    update = perform(services.update_service(user=owner, service=service, image=image))
    revision = service.revisions.first()
    assert update.state == "NotStarted" and revision.state == "Rolling" and revision.spec_name in FakeTarget.replicas
    monkeypatch.setattr(engines, "target", lambda alias: pytest.fail("the web process spoke to an engine"))
    cancel_operation(user=owner, operation=update)
    revision.refresh_from_db()
    assert revision.state == "Failed" and ("deployments.tasks.remove_left_over", ["fake", revision.spec_name]) in engine
    assert service_state(fresh(service)).word == "Running"


def test_a_retry_retires_what_the_first_try_left_running(deploy, image, owner, perform, monkeypatch):
    service = deploy()
    with monkeypatch.context() as patched:
        patched.setattr(FakeTarget, "remove", lambda self, name, *, grace=10.0: setattr(self, "away", True) or self._there())
        update = perform(services.update_service(user=owner, service=service, image=image))
    assert update.state == "NotStarted" and len(FakeTarget.replicas) == 2
    Operation.objects.update(due_at=timezone.now())
    assert perform(update).state == "Succeeded"
    assert list(FakeTarget.replicas) == [service.revisions.first().spec_name]


def test_an_update_of_a_stopped_service_is_what_starts(deploy, image, owner, perform):
    service = deploy()
    perform(services.stop_service(user=owner, service=service))
    for _ in range(2):
        perform(services.update_service(user=owner, service=service, image=image))
    assert not FakeTarget.replicas
    perform(services.start_service(user=owner, service=service))
    assert list(service.revisions.values_list("number", "state")) == [(3, "Serving"), (2, "Failed"), (1, "Retired")]
    assert service_state(fresh(service)).word == "Running"
    assert list(FakeTarget.replicas) == [service.revisions.first().spec_name]


@pytest.mark.parametrize("how", ["removed", "made a reader"])
def test_session_keys_end_with_the_right_to_call(deploy, owner, contributor, group, engine, how):
    service = deploy()
    for person in (owner, contributor):
        services.session_key(user=person, service=service)
    engine.clear()
    membership = group.memberships.get(user=contributor)
    if how == "removed":
        people.remove_member(user=owner, membership=membership)
    else:
        people.change_role(user=owner, membership=membership, role="reader")
    assert [key.user for key in service.keys.filter(slot="session")] == [owner]
    assert ("deployments.tasks.sync_gateway", []) in engine
