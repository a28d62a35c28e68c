"""People, groups, the first administrator; every change leaves its line in the log."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ValidationError

from portal.accounts import actions
from portal.accounts.events import EventTag, record
from portal.accounts.models import Event, Membership, ResourceGroup, SetupLink, User
from portal.accounts.permissions import Permission, Role, allows
from portal.errors import Conflict, NotAllowed
from portal.middleware import current_request_id
from tests import factories

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-passphrase-7"


def value_of(path: str) -> str:
    return re.fullmatch(r"/setup/(.+)/", path)[1]


def test_the_first_administrator_comes_by_a_link_that_works_once(group):
    system = actions.system_user()
    Membership.objects.create(group=group, user=system, role=Role.OWNER)
    link = value_of(actions.make_setup_link())
    assert link not in str(list(SetupLink.objects.values())), "only its hash is kept"
    person = actions.create_first_administrator(link=link, username="ada", email="ada@example.org", password=PASSWORD)
    assert person.is_superuser and person.check_password(PASSWORD) and not person.check_password("")
    assert allows(person, Permission.MEMBER_WRITE, group), "what only the system owned is theirs now"
    with pytest.raises(NotAllowed):
        actions.create_first_administrator(link=link, username="eve", email="", password=PASSWORD)
    assert actions.make_setup_link() is None and not actions.setup_link_is_good(link)


def test_a_newer_link_ends_the_older(db):
    older, newer = value_of(actions.make_setup_link()), value_of(actions.make_setup_link())
    assert not actions.setup_link_is_good(older) and actions.setup_link_is_good(newer)
    for wrong in ("", "x", older[:-1] + ("a" if older[-1] != "a" else "b")):
        with pytest.raises(NotAllowed):
            actions.create_first_administrator(link=wrong, username="eve", email="", password=PASSWORD)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"password": "12345678"}, "password"), ({"password": ""}, "password"), ({"username": ""}, "username"), ({"email": "no"}, "email")],
)
def test_a_refused_administrator_leaves_the_link_good(db, fields, field):
    link = value_of(actions.make_setup_link())
    with pytest.raises(ValidationError) as refused:
        actions.create_first_administrator(**{"link": link, "username": "ada", "email": "", "password": PASSWORD, **fields})
    assert list(refused.value.message_dict) == [field]
    assert actions.setup_link_is_good(link) and not User.objects.filter(is_superuser=True).exists()


def test_the_system_cannot_sign_in(client, db):
    system = actions.system_user()
    assert system == actions.system_user() and not system.has_usable_password()


def test_whoever_makes_a_group_owns_it(stranger):
    made = actions.create_resource_group(user=stranger, name="fresh")
    assert allows(stranger, Permission.GROUP_WRITE, made)
    for name in ("fresh", "Bad", "x"):
        with pytest.raises(ValidationError) as refused:
            actions.create_resource_group(user=stranger, name=name)
        assert list(refused.value.message_dict) == ["name"]
    assert ResourceGroup.objects.count() == 1


def test_members(group, owner, contributor, stranger):
    membership = actions.add_member(user=owner, group=group, person="stranger", role="reader")
    assert membership.role == "reader"
    with pytest.raises(Conflict, match="member of demo already"):
        actions.add_member(user=owner, group=group, person="stranger", role="reader")
    for person, role, field in (("nobody", "reader", "person"), ("contributor", "king", "role")):
        with pytest.raises(ValidationError) as refused:
            actions.add_member(user=owner, group=group, person=person, role=role)
        assert list(refused.value.message_dict) == [field]
    with pytest.raises(NotAllowed):
        actions.change_role(user=contributor, membership=membership, role="owner")
    assert actions.change_role(user=owner, membership=membership, role="contributor").role == "contributor"
    actions.remove_member(user=User.objects.get(username="stranger"), membership=membership)
    assert not group.memberships.filter(user=stranger).exists()


def test_the_last_owner_stays(group, owner):
    membership = group.memberships.get(user=owner)
    for act in (
        lambda: actions.remove_member(user=owner, membership=membership),
        lambda: actions.change_role(user=owner, membership=membership, role="reader"),
    ):
        with pytest.raises(Conflict, match="last Owner"):
            act()
    factories.make_user(Role.OWNER, group)
    actions.remove_member(user=owner, membership=membership)
    assert group.memberships.count() == 1


def test_only_an_administrator_opens_accounts(owner):
    with pytest.raises(NotAllowed):
        actions.create_user(user=owner, username="new", email="", password=PASSWORD)
    administrator = factories.make_user(is_superuser=True)
    assert actions.create_user(user=administrator, username="new", email="", password=PASSWORD).check_password(PASSWORD)
    with pytest.raises(ValidationError):
        actions.create_user(user=administrator, username="NEW", email="", password=PASSWORD)


def test_an_event_says_who_did_what_and_outlives_its_subject(group, owner):
    token = current_request_id.set("request-7")
    try:
        version = factories.make_model_version(group, user=owner)
    finally:
        current_request_id.reset(token)
    event = Event.objects.get(tag=EventTag.MODEL_REGISTERED)
    assert (event.actor, event.actor_label, event.group, event.subject_label, event.request_id) == (
        owner,
        "owner",
        group,
        "iris:1",
        "request-7",
    )
    version.delete()
    owner.memberships.all().delete()
    event.refresh_from_db()
    assert event.subject_label == "iris:1"


def test_an_event_is_undone_with_its_change(group, owner):
    with pytest.raises(ValidationError):
        factories.make_model_version(group, name="Bad", user=owner)
    assert not Event.objects.exists()


def test_an_event_without_a_person_is_the_systems(group):
    assert record(None, EventTag.SERVICE_STOPPED, None, group=group).actor_label == "system"


def test_tags_are_in_order():
    assert list(EventTag) == sorted(EventTag)


def test_an_address_that_two_accounts_have_names_nobody(group, owner):
    for name in ("ada", "eve"):
        User.objects.create(username=name, email="ada@example.org")
    with pytest.raises(ValidationError, match="user name"):
        actions.add_member(user=owner, group=group, person="ADA@example.org", role="reader")
    assert str(actions.add_member(user=owner, group=group, person="ada", role="reader").user) == "ada"


def test_nobody_takes_an_address_of_somebody_else(client, owner):
    client.force_login(owner)
    for act in ("action_add", "action_primary"):
        assert client.post("/accounts/email/", {act: "", "email": "boss@example.org"}).status_code == 404
    owner.refresh_from_db()
    assert owner.email != "boss@example.org"
