"""Every verb of deployments, through both front doors: the same rows afterwards, the same refusals, and the same nothing."""

from __future__ import annotations

import hashlib

import pytest

from deployments.actions.images import create_image
from deployments.models import Environment, Operation, Service, ServiceKey
from portal.accounts.models import Membership
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def image(group, owner, environment, perform):
    """iris:1, built by the fake engine."""
    manifest = factories.make_manifest(group, user=owner)
    return perform(create_image(user=owner, group=group, manifest=manifest, environment=environment)).image


@pytest.fixture
def service(door, group, owner, image, perform):
    """iris, running; made through the door, whose answer is in `service.answer`."""
    answer = door(owner).create_service(group, name="iris", image="iris:1", environment="fake", cpu="500m", memory="256Mi", replicas=2)
    assert answer.ok, answer
    service = perform(Operation.objects.get(kind="Service")).service
    service.answer = answer
    return service


def newest(**words) -> Operation:
    return Operation.objects.filter(**words).latest("created_at")


def hashes(service) -> dict[str, str]:
    return dict(service.keys.values_list("slot", "hash"))


# -- images -------------------------------------------------------------------


def test_an_image_is_asked_for(door, group, owner, environment, perform):
    factories.make_manifest(group, user=owner)
    assert door(owner).create_image(group, manifest="iris:1", environment="fake", name="flowers", description="Words").ok
    operation = newest()
    assert (operation.kind, operation.label, str(operation.manifest), operation.environment, operation.created_by) == (
        *("Image", "flowers:1", "iris:1"),
        environment,
        owner,
    )
    image = perform(operation).image
    assert image.is_built and image.description == "Words"
    assert door(owner).create_image(group, manifest="iris:1", environment="fake").ok
    assert newest().label == "iris:1"


def test_bad_images_are_refused_at_their_field(door, group, owner, environment):
    factories.make_manifest(group, user=owner)
    factories.make_manifest(factories.make_group("other"), name="secret")
    for field, words in (
        ("manifest", {"manifest": "iris:9"}),
        ("manifest", {"manifest": "secret:1"}),
        ("environment", {"manifest": "iris:1", "environment": "nowhere"}),
        ("name", {"manifest": "iris:1", "name": "Bad Name"}),
    ):
        answer = door(owner).create_image(group, **{"environment": "fake", **words})
        assert answer.status in (400, 404) and list(answer.fields) == [field], answer
    assert not Operation.objects.exists()


def test_an_image_that_is_used_or_being_built_stays(door, group, owner, service):
    answer = door(owner).delete_image(group, "iris:1")
    assert answer.status == 409 and "iris:1 is used by service iris" in answer.message
    assert door(owner).create_image(group, manifest="iris:1", environment="fake").ok
    answer = door(owner).delete_image(group, "iris:2")
    assert answer.status == 409 and "being built" in answer.message


def test_a_build_is_cancelled(door, group, owner, environment):
    factories.make_manifest(group, user=owner)
    door(owner).create_image(group, manifest="iris:1", environment="fake")
    assert door(owner).cancel_operation(group, newest()).ok
    assert newest().state == "Cancelled" and not group.images.exists()
    assert door(owner).cancel_operation(group, newest()).status == 409


# -- services -----------------------------------------------------------------


def test_a_service_is_created_and_its_keys_are_shown_this_once(group, service):
    assert (service.replicas, service.cpu, service.memory, service.access, service.created_by.username) == (
        2,
        0.5,
        256 * 2**20,
        "key",
        "owner",
    )
    assert service.revisions.get().state == "Serving"
    assert set(service.answer.values) == {"primary", "secondary"}
    assert hashes(service) == {slot: hashlib.sha256(value.encode()).hexdigest() for slot, value in service.answer.values.items()}


BAD_SERVICES = [
    ("name", {"name": "Bad Name"}),
    ("image", {"image": "iris:9"}),
    ("image", {"image": ""}),
    ("environment", {"environment": "nowhere"}),
    ("memory", {"memory": "lots"}),
    ("cpu", {"cpu": "none"}),
    ("replicas", {"replicas": 0}),
    ("replicas", {"replicas": 500}),
    ("timeout", {"timeout": 0}),
    ("access", {"access": "everybody"}),
]


@pytest.mark.parametrize(("field", "words"), BAD_SERVICES, ids=[f"{field}-{index}" for index, (field, _) in enumerate(BAD_SERVICES)])
def test_a_bad_service_is_refused_at_its_field(door, group, owner, image, field, words):
    answer = door(owner).create_service(group, **{"name": "iris", "image": "iris:1", "environment": "fake", **words})
    assert answer.status in (400, 404) and list(answer.fields) == [field], answer
    assert not Service.objects.exists() and not ServiceKey.objects.exists()


def test_a_taken_name_is_a_conflict(door, group, owner, service):
    answer = door(owner).create_service(group, name="iris", image="iris:1", environment="fake")
    assert answer.status == 409 and list(answer.fields) == ["name"]
    assert Service.objects.count() == 1


def test_an_update_makes_a_revision_and_keeps_the_keys(door, group, owner, service, perform):
    kept = hashes(service)
    door(owner).create_image(group, manifest="iris:1", environment="fake")
    perform(newest())
    assert door(owner).update_service(group, "iris", image="iris:2", memory="512Mi", note="Better").ok
    assert perform(newest()).state == "Succeeded"
    service.refresh_from_db()
    rows = list(service.revisions.values_list("number", "state", "image__number", "note"))
    assert rows == [(2, "Serving", 2, "Better"), (1, "Retired", 1, "")]
    assert (service.memory, service.replicas, service.cpu) == (512 * 2**20, 2, 0.5) and hashes(service) == kept


def test_words_and_rules_roll_nothing_out(door, group, owner, service):
    before = Operation.objects.count()
    origins = ["https://app.example.org", "https://b.example.org"]
    assert door(owner).update_service(group, "iris", description="Words", allowed_origins=origins, access="public").ok
    service.refresh_from_db()
    assert (service.description, service.allowed_origins, service.access) == ("Words", origins, "public")
    assert Operation.objects.count() == before
    assert door(owner).update_service(group, "iris", replicas=1).ok
    assert Operation.objects.count() == before + 1 and service.revisions.count() == 1


@pytest.mark.parametrize(
    ("field", "words"),
    [("memory", {"memory": "1Ti"}), ("replicas", {"replicas": 99}), ("image", {"image": "iris:9"}), ("timeout", {"timeout": 99_999})],
)
def test_a_bad_update_changes_nothing(door, group, owner, service, field, words):
    before = Operation.objects.count()
    answer = door(owner).update_service(group, "iris", **words)
    assert answer.status in (400, 404) and list(answer.fields) == [field], answer
    service.refresh_from_db()
    assert (service.replicas, service.memory, Operation.objects.count()) == (2, 256 * 2**20, before)


def test_a_bad_origin_is_refused_at_its_field(door, group, owner, service):
    answer = door(owner).update_service(group, "iris", allowed_origins=["https://app.example.org/path"])
    assert answer.status == 400 and "without a path" in str(answer.fields)
    assert Service.objects.get().allowed_origins == []


def test_stop_start_and_delete(door, group, owner, service, perform):
    assert door(owner).stop_service(group, "iris").ok
    assert perform(newest()).state == "Succeeded" and Service.objects.get().stopped
    assert door(owner).start_service(group, "iris").ok
    assert perform(newest()).state == "Succeeded" and not Service.objects.get().stopped
    assert door(owner).delete_service(group, "iris").ok
    assert Service.objects.get().deleting
    for again in (door(owner).stop_service, door(owner).delete_service):
        assert again(group, "iris").status == 409
    assert perform(newest()).state == "Succeeded" and not Service.objects.exists()
    assert door(owner).stop_service(group, "iris").status == 404


def test_a_regenerated_key_is_shown_this_once(door, group, owner, service):
    before = hashes(service)
    answer = door(owner).regenerate_key(group, "iris", "primary")
    assert answer.ok and list(answer.values) == ["primary"]
    assert hashes(service) == {**before, "primary": hashlib.sha256(answer.values["primary"].encode()).hexdigest()}
    assert door(owner).regenerate_key(group, "iris", "tertiary").status in (400, 404) and service.keys.count() == 2


def test_who_may_do_what_to_a_service(door, group, service, contributor, reader, stranger):
    before, acts = hashes(service), ("stop_service", "start_service", "delete_service")
    for name in acts:
        assert getattr(door(reader), name)(group, "iris").status == 403
        assert getattr(door(stranger), name)(group, "iris").status == 404
        assert getattr(door(None), name)(group, "iris").status == 401
    assert door(contributor).delete_service(group, "iris").status == 403
    for who, status in ((reader, 403), (stranger, 404), (None, 401)):
        assert door(who).regenerate_key(group, "iris", "primary").status == status
        assert door(who).update_service(group, "iris", replicas=1).status == status
        assert door(who).create_service(group, name="more", image="iris:1", environment="fake").status == status
        assert door(who).create_image(group, manifest="iris:1", environment="fake").status == status
    assert door(reader).sees(group, "services", "iris").ok and door(stranger).sees(group, "services", "iris").status == 404
    service.refresh_from_db()
    assert (service.stopped, service.deleting, service.replicas, hashes(service)) == (False, False, 2, before)
    assert door(contributor).stop_service(group, "iris").ok


# -- environments -------------------------------------------------------------


def test_an_environment_is_created_changed_and_deleted(door, group, owner, environment):
    words = {"description": "Words", "max_replicas": 3, "max_cpu": "2", "max_memory": "1Gi"}
    assert door(owner).create_environment(group, name="small", target="fake", **words).ok
    small = Environment.objects.get(name="small")
    assert (small.target, small.description, small.max_replicas, small.max_cpu, small.max_memory) == ("fake", "Words", 3, 2.0, 2**30)
    assert not small.is_default
    assert door(owner).update_environment(group, "small", max_replicas=5, is_default=True).ok
    small.refresh_from_db()
    assert (small.max_replicas, small.description, small.is_default) == (5, "Words", True)
    assert not Environment.objects.get(name="fake").is_default
    assert door(owner).delete_environment(group, "small").ok and not Environment.objects.filter(name="small").exists()


def test_bad_environments_are_refused(door, group, owner, service):
    for field, status, words in (
        ("name", 400, {"name": "Bad Name"}),
        ("name", 409, {"name": "fake"}),
        ("target", 400, {"target": "moon"}),
        ("max_replicas", 400, {"max_replicas": 0}),
        ("max_memory", 400, {"max_memory": "lots"}),
    ):
        answer = door(owner).create_environment(group, **{"name": "small", "target": "fake", **words})
        assert answer.status == status and [_snake(name) for name in answer.fields] == [field], (words, answer)
    answer = door(owner).delete_environment(group, "fake")
    assert answer.status == 409 and "used by service iris" in answer.message
    assert Environment.objects.count() == 1


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def test_only_owners_change_environments(door, group, contributor, stranger, environment):
    for who, status in ((contributor, 403), (stranger, 404), (None, 401)):
        assert door(who).create_environment(group, name="small", target="fake").status == status
        assert door(who).update_environment(group, "fake", max_replicas=1).status == status
        assert door(who).delete_environment(group, "fake").status == status
    environment.refresh_from_db()
    assert Environment.objects.count() == 1 and environment.max_replicas == 10


# -- members ------------------------------------------------------------------


def roles(group) -> dict[str, str]:
    return dict(Membership.objects.filter(group=group).values_list("user__username", "role"))


def test_members_come_change_and_go(door, group, owner, stranger):
    assert door(owner).add_member(group, person="stranger", role="reader").ok
    assert roles(group) == {"owner": "owner", "stranger": "reader"}
    assert door(owner).change_role(group, "stranger", "contributor").ok
    assert roles(group)["stranger"] == "contributor"
    assert door(stranger).remove_member(group, "owner").status == 403
    assert door(stranger).remove_member(group, "stranger").ok
    assert roles(group) == {"owner": "owner"}


def test_members_are_refused(door, group, owner, contributor, stranger):
    before = roles(group)
    for field, words in (("person", {"person": "nobody"}), ("person", {"person": "contributor"}), ("role", {"role": "king"})):
        answer = door(owner).add_member(group, **{"person": "stranger", "role": "reader", **words})
        assert answer.status in (400, 404, 409) and list(answer.fields) == [field], (words, answer)
    assert door(owner).remove_member(group, "owner").status == 409, "the last Owner stays"
    assert door(owner).change_role(group, "owner", "reader").status == 409
    assert door(owner).remove_member(group, "stranger").status == 404
    for who, status in ((contributor, 403), (stranger, 404), (None, 401)):
        assert door(who).add_member(group, person="stranger", role="reader").status == status
        assert door(who).change_role(group, "contributor", "owner").status == status
    assert roles(group) == before
