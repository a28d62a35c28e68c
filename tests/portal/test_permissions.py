"""The whole truth about who may do what, in one table; and the two questions give one answer."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import models

from portal.accounts.models import Membership, ResourceGroup
from portal.accounts.permissions import GRANTS, Permission, Role, ScopedQuerySet, allows, require, roles_with
from portal.errors import NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db

#: rows as in portal/accounts/permissions.py, written out by hand: owner, contributor, reader, nobody
MATRIX = {
    "collected:delete": "o---",
    "collected:read": "oc--",
    "environment:read": "ocr-",
    "environment:write": "o---",
    "event:read": "oc--",
    "group:read": "ocr-",
    "group:write": "o---",
    "image:read": "ocr-",
    "image:write": "oc--",
    "key:write": "oc--",
    "manifest:read": "ocr-",
    "manifest:write": "oc--",
    "member:read": "ocr-",
    "member:write": "o---",
    "model:read": "ocr-",
    "model:write": "oc--",
    "operation:read": "ocr-",
    "operation:write": "oc--",
    "service:delete": "o---",
    "service:read": "ocr-",
    "service:score": "oc--",
    "service:write": "oc--",
}
LETTERS = {Role.OWNER: "o", Role.CONTRIBUTOR: "c", Role.READER: "r", None: "-"}
CELLS = [(permission, role, LETTERS[role] in row and role is not None) for permission, row in MATRIX.items() for role in LETTERS]


def test_the_table_is_whole_and_in_order():
    assert [str(permission) for permission in Permission] == sorted(MATRIX)
    assert set(GRANTS) == set(Role)


@pytest.mark.parametrize(("permission", "role", "expected"), CELLS, ids=lambda value: str(value))
def test_both_questions_agree(group, permission, role, expected):
    user = factories.make_user(role, group)
    assert allows(user, permission, group) is expected
    assert ResourceGroup.objects.allowing(user, permission).filter(pk=group.pk).exists() is expected
    assert Membership.objects.allowing(user, permission).filter(group=group).exists() is (expected and role is not None)
    assert (role in roles_with(permission)) is expected
    if expected:
        require(user, permission, group)
    else:
        with pytest.raises(NotAllowed) as refused:
            require(user, permission, group)
        assert refused.value.details[0] == {"code": "MissingPermission", "message": permission, "field": ""}


@pytest.mark.parametrize("permission", list(Permission))
def test_nobody_and_the_suspended_may_nothing(group, permission):
    suspended = factories.make_user(Role.OWNER, group, is_active=False)
    elsewhere = factories.make_user(Role.OWNER, factories.make_group())
    administrator = factories.make_user(is_superuser=True, is_staff=True)
    for user in (AnonymousUser(), suspended, elsewhere, administrator):
        assert not allows(user, permission, group)
        assert not ResourceGroup.objects.allowing(user, permission).filter(pk=group.pk).exists()


def test_a_refusal_says_the_role_and_who_can_help(group, owner, reader):
    with pytest.raises(NotAllowed, match=r"Your role in demo is Reader. This needs Contributor. Owners: owner."):
        require(reader, Permission.MODEL_WRITE, group)


def all_scoped() -> list[type[models.Model]]:
    from django.apps import apps

    return [model for model in apps.get_models() if isinstance(model._default_manager.none(), ScopedQuerySet)]


@pytest.mark.parametrize("model", all_scoped(), ids=lambda model: model.__name__)
def test_every_scope_leads_to_a_group(model, owner):
    """The path of each scoped queryset exists and ends at a resource group: the database is asked, not the name."""
    assert list(model._default_manager.allowing(owner, Permission.MODEL_READ)[:1]) is not None
    if (path := model._default_manager.none().scope_path) == "":
        assert model is ResourceGroup
        return
    step = model
    for part in path.split("__"):
        step = step._meta.get_field(part).related_model
    assert step is ResourceGroup


def test_every_table_with_a_group_is_scoped():
    """A model that points to a resource group and is not scoped would be one forgotten filter from a leak."""
    from django.apps import apps

    unscoped = {
        model.__name__
        for model in apps.get_models()
        for field in model._meta.fields
        if field.related_model is ResourceGroup and not isinstance(model._default_manager.none(), ScopedQuerySet)
    }
    assert unscoped <= {"Sequence"}
