"""Services that follow an alias: moving it builds and rolls out, through the same checks, and several moves end at the last one."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from deployments import states
from deployments.actions import following, golden, services
from deployments.actions.images import create_image
from deployments.actions.operations import rerun_operation
from deployments.models import Following, Operation, Revision
from portal.accounts import permissions
from portal.accounts.models import Event
from portal.errors import Conflict, NotAllowed
from registry.actions.aliases import move_alias, remove_alias
from tests import factories
from tests.fakes import NO_PACKAGE, FakeBuilder, FakeTarget

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1/groups/demo"


@pytest.fixture
def versions(group, owner):
    return [factories.make_model_version(group, user=owner, files={"model.pkl": data}) for data in (b"one", b"two", b"three")]


@pytest.fixture
def alias(versions, owner):
    return move_alias(user=owner, version=versions[0], name="live")


@pytest.fixture
def make_service(group, owner, environment, versions, perform):
    """make_service(name): one on iris:1, running."""

    def make(name: str, **manifest):
        recipe = factories.make_manifest(group, name=name, models=versions[:1], user=owner, **manifest)
        image = perform(create_image(user=owner, group=group, manifest=recipe, environment=environment)).image
        operation, _ = services.create_service(user=owner, group=group, name=name, image=image, environment=environment)
        return perform(operation).service

    return make


@pytest.fixture
def service(make_service, alias, owner):
    service = make_service("iris", dependencies=("requirements.txt", b"msgspec\n", "pip"), files=[])
    assert following.follow_alias(user=owner, service=service, alias=alias) is None  # it is where the alias points
    return service


@pytest.fixture
def move(owner, versions):
    """move(2): the alias to iris:2."""
    return lambda number: move_alias(user=owner, version=versions[number - 1], name="live")


def begun(service) -> list[Operation]:
    return list(Operation.objects.filter(following__service=service).order_by("created_at"))


def work_off(service, perform) -> list[Operation]:
    """What workers would do, until nothing is left to do; bounded, since what follows an alias must never go round."""
    for _ in range(6):
        waiting = [operation for operation in begun(service) if operation.state == "NotStarted"]
        if not waiting:
            return begun(service)
        for operation in waiting:
            perform(operation)
    raise AssertionError("it goes on and on")


def serves(service) -> list[str]:
    revision = service.revisions.get(state=Revision.State.SERVING)
    return [str(version) for version in revision.image.manifest.model_versions.all()]


def state(service) -> states.FollowingState:
    return states.following_states(Following.objects.filter(service=service))[0][1]


def test_a_moved_alias_brings_the_service_along(service, perform, move, owner):
    move(2)
    assert (state(service).word, serves(service)) == ("Updating", ["iris:1"])
    build, rollout = work_off(service, perform)
    assert (build.kind, build.state, rollout.kind, rollout.state) == ("Image", "Succeeded", "Service", "Succeeded")
    assert {step.name: step.state for step in build.steps.all()}["environment"] == "Skipped"  # its packages are there
    assert (serves(service), state(service).word) == (["iris:2"], "InStep")
    revision = service.revisions.get(number=2)
    assert (str(revision.image), revision.note) == ("iris:2", "iris@live points at iris:2")
    old, new = service.revisions.get(number=1).image.manifest, revision.image.manifest
    assert (str(new), new.requirements) == ("iris:2", old.requirements)
    assert sorted(new.files.values_list("path", "asset")) == sorted(old.files.values_list("path", "asset"))
    move(2)  # again the same changes nothing
    assert len(begun(service)) == 2
    told = Event.objects.filter(tag="service.updated", subject_label="iris").order_by("pk").last()
    assert (told.actor, told.data["alias"]) == (owner, "iris@live")


def test_two_moves_end_at_the_last_one_and_the_first_says_why(service, perform, move, owner):
    move(2)
    move(3)
    first = begun(service)[0]
    assert (first.state, first.error["code"], first.error["message"]) == ("Cancelled", "Superseded", "iris@live points at iris:3 now.")
    assert first.image is None  # its draft is gone
    work_off(service, perform)
    assert (serves(service), service.revisions.count()) == (["iris:3"], 2)
    # The second comes when the first one's image is there and its rollout waits.
    move(1)
    assert begun(service)[-1].revision.number == 3
    move(2)
    late = begun(service)
    assert [operation.state for operation in late[-2:]] == ["Cancelled", "NotStarted"] and service.revisions.get(number=3).state == "Failed"
    work_off(service, perform)
    assert (serves(service), state(service).word) == (["iris:2"], "InStep")
    # And back to where it is: what was begun is called off, nothing is built.
    move(3)
    move(2)
    assert begun(service)[-1].state == "Cancelled" and state(service).word == "InStep"
    assert work_off(service, perform) and serves(service) == ["iris:2"]
    with pytest.raises(Conflict, match="points at iris:2 now"):
        rerun_operation(user=owner, operation=begun(service)[-1])


def test_going_back_takes_the_image_that_is_there(service, perform, move):
    for number in (2, 1, 2):
        move(number)
        work_off(service, perform)
        assert serves(service) == [f"iris:{number}"]
    assert [str(revision.image) for revision in service.revisions.order_by("number")] == ["iris:1", "iris:2", "iris:1", "iris:2"]
    assert [operation.kind for operation in begun(service)] == ["Image", "Service", "Service", "Service"]
    assert service.group.manifests.count() == 2


def test_changed_answers_hold_it_up_and_a_later_move_takes_its_place(service, perform, move, owner):
    golden.save_golden_request(user=owner, service=service, name="two", body='{"x": 2}', expected='{"y": 4}')
    FakeTarget.answer = staticmethod(lambda spec, body: b'{"y": 5}')
    move(2)
    held = work_off(service, perform)[-1]
    assert (held.state, serves(service), state(service).word) == ("Waiting", ["iris:1"], "Waiting")
    move(3)
    held.refresh_from_db()
    assert held.state == "Cancelled"
    waiting = work_off(service, perform)[-1]
    golden.reject_answers(user=owner, operation=waiting)
    assert (serves(service), state(service).word) == (["iris:1"], "Failed") and "rejected" in state(service).detail
    FakeTarget.answer = staticmethod(lambda spec, body: b'{"y": 4}')
    assert following.catch_up(user=owner, service=service) is not None
    work_off(service, perform)
    assert (serves(service), state(service).word) == (["iris:3"], "InStep")


def test_a_failed_build_leaves_what_serves_and_can_be_run_again(service, perform, move, owner):
    FakeBuilder.trouble = {"probe": NO_PACKAGE}
    move(2)
    (failed,) = work_off(service, perform)
    assert (failed.state, serves(service), state(service).word) == ("Failed", ["iris:1"], "Failed")
    assert "There is no package" in state(service).detail
    FakeBuilder.trouble = {}
    again = rerun_operation(user=owner, operation=failed)
    assert again.following is not None
    work_off(service, perform)
    assert (serves(service), state(service).word) == (["iris:2"], "InStep")


def test_a_pause_keeps_it_and_its_end_brings_it_along(service, perform, move, owner):
    move(2)
    following.pause_following(user=owner, service=service)
    assert begun(service)[0].state == "Cancelled"
    move(3)
    assert work_off(service, perform) and (serves(service), state(service).word) == (["iris:1"], "Paused")
    following.catch_up(user=owner, service=service)
    work_off(service, perform)
    assert (serves(service), state(service).word) == (["iris:3"], "InStep")
    following.stop_following(user=owner, service=service)
    move(1)
    assert serves(service) == ["iris:3"] and not Following.objects.exists()
    assert list(Event.objects.filter(tag="service.following").order_by("pk").values_list("data__change", flat=True)) == [
        "started", "paused", "resumed", "ended",
    ]  # fmt: skip


def test_what_a_person_deploys_by_hand_stays_and_is_told(service, perform, move, owner, group, environment):
    move(2)
    other = perform(
        create_image(user=owner, group=group, manifest=factories.make_manifest(group, name="other"), environment=environment)
    ).image
    by_hand = services.update_service(user=owner, service=service, image=other)
    assert begun(service)[0].error["message"] == "iris is updated to other:1 by hand."
    perform(by_hand)
    assert work_off(service, perform) and state(service).word == "Behind"
    # Its recipe is the base of the next move; one that does not use the model at all is told.
    nothing = factories.make_manifest(group, name="nothing", models=[factories.make_model_version(group, name="else")])
    image = perform(create_image(user=owner, group=group, manifest=nothing, environment=environment)).image
    perform(services.update_service(user=owner, service=service, image=image))
    move(3)
    assert state(service).word == "Failed" and "nothing:1 does not use the model iris" in state(service).detail


def test_a_size_that_is_changed_meanwhile_does_not_bring_the_old_version_back(service, perform, move, owner):
    move(2)
    perform(begun(service)[0])
    resized = services.update_service(user=owner, service=service, timeout=90)
    work_off(service, perform)
    perform(resized)
    assert (serves(service), service.revisions.get(state="Serving").timeout) == (["iris:2"], 90)


def test_services_of_one_recipe_share_the_new_manifest(service, make_service, alias, move, owner, perform):
    twin = make_service("twin")
    services.update_service(user=owner, service=twin, image=service.revisions.get().image)
    for operation in Operation.objects.filter(service=twin, state="NotStarted"):
        perform(operation)
    following.follow_alias(user=owner, service=twin, alias=alias)
    move(2)
    assert {str(operation.manifest) for one in (service, twin) for operation in begun(one)} == {"iris:2"}
    for one in (service, twin):
        work_off(one, perform)
        assert serves(one) == ["iris:2"]


def test_moving_deploys_so_it_needs_the_right_to_deploy(service, versions, alias, contributor, monkeypatch, owner):
    less = permissions.GRANTS["contributor"] - {permissions.Permission.SERVICE_WRITE}
    monkeypatch.setitem(permissions.GRANTS, "contributor", less)
    with pytest.raises(NotAllowed, match="updates iris"):
        move_alias(user=contributor, version=versions[1], name="live")
    alias.refresh_from_db()
    assert alias.version == versions[0] and not begun(service)
    following.pause_following(user=owner, service=service)
    assert move_alias(user=contributor, version=versions[1], name="live").version == versions[1]
    with pytest.raises(Conflict, match="followed by iris"):
        remove_alias(user=owner, alias=alias)


def test_a_service_follows_only_a_model_it_uses(service, group, owner):
    stranger = move_alias(user=owner, version=factories.make_model_version(group, name="else"), name="live")
    with pytest.raises(ValidationError, match="does not use the model else"):
        following.follow_alias(user=owner, service=service, alias=stranger)


def test_rest(client_for, service, owner, reader, stranger, versions, perform):
    rest, address = client_for(owner), f"{BASE}/services/iris/following/"
    assert rest.get(address).json()["state"] == "InStep"
    assert rest.get(f"{BASE}/services/iris/").json()["follows"] == "iris@live"
    (told,) = rest.get(f"{BASE}/models/names/iris/aliases/").json()
    assert told["followers"] == [{"service": "iris", "paused": False}]
    moved = rest.put(f"{BASE}/models/names/iris/aliases/live", {"version": "iris:2"}, format="json")
    assert moved.status_code == 200
    shown = rest.get(address).json()
    assert (shown["version"], shown["state"]) == ("iris:2", "Updating")
    assert rest.get(f"{BASE}/operations/{shown['operation']}/").json()["image"] == "iris:2"
    assert rest.post(f"{address}pause/").json()["state"] == "Paused"
    begun_again = rest.post(f"{address}catch-up/")
    assert begun_again.status_code == 202 and "Operation-Location" in begun_again.headers
    work_off(service, perform)
    assert rest.post(f"{address}catch-up/").json()["state"] == "InStep"
    assert rest.put(address, {"alias": "iris"}, format="json").status_code == 400
    assert rest.put(address, {"alias": "iris@none"}, format="json").status_code == 404
    for verb in (client_for(reader).delete, client_for(stranger).delete):
        assert verb(address).status_code in (403, 404)
    assert rest.delete(address).status_code == 204 and rest.get(address).status_code == 404
    assert rest.put(address, {"alias": "iris@live"}, format="json").status_code == 200


def test_pages(client, service, owner, reader, move, perform):
    client.force_login(owner)
    page, form = "/g/demo/services/iris/follow", "/g/demo/models/iris:2/alias"
    assert "Moving iris@live from iris:1 to iris:2 updates 1 service: iris." in client.get(f"{form}?alias=live").content.decode()
    moved = client.post(form, {"alias": "live"}, follow=True).content.decode()
    assert "It is being rolled out to iris." in moved and "Updating" in moved
    (operation,) = begun(service)
    shown = client.get("/g/demo/services/iris/")
    assert str(operation.pk) in shown.content.decode() and shown.context["follow"]["now"].word == "Updating"
    assert "follows iris@live, which was moved" in client.get(f"/g/demo/operations/{operation.pk}").content.decode()
    move(3)
    assert "iris@live points at iris:3 now." in client.get(f"/g/demo/operations/{operation.pk}").content.decode()
    FakeBuilder.trouble = {"probe": NO_PACKAGE}
    work_off(service, perform)
    assert "There is no package" in client.get(page).content.decode()
    assert client.post(f"{page}/pause").status_code == 302
    assert "Paused" in client.get("/g/demo/models/iris/").content.decode()
    FakeBuilder.trouble = {}
    assert client.post(f"{page}/catch-up")["Location"].startswith("/g/demo/operations/")
    work_off(service, perform)
    assert serves(service) == ["iris:3"]
    client.force_login(reader)
    assert client.get(page).status_code == 200 and client.post(f"{page}/stop").status_code == 403
    client.force_login(owner)
    assert client.post(f"{page}/stop").status_code == 302 and not Following.objects.exists()
    alias = client.get(page).context["offered"][0]
    assert client.post(page, {"alias": ""}).status_code == 422
    assert client.post(page, {"alias": alias.pk})["Location"] == page and Following.objects.get().alias == alias
