"""Fixtures that every package's tests share."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from portal.accounts.permissions import Role
from tests import factories
from tests.doors import DOORS
from tests.real_parts import pytest_make_collect_report, pytest_runtest_makereport, pytest_runtest_setup

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport", "pytest_runtest_setup"]


def pytest_collection_modifyitems(config, items):
    """Side by side, files with a test that takes long come first: begun last, one of them would be waited for alone."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def group(db):
    """A resource group without members."""
    return factories.make_group("demo")


@pytest.fixture
def make_user(db):
    """make_user(role, group): a person, with a role a member."""
    return factories.make_user


@pytest.fixture
def owner(group):
    return factories.make_user(Role.OWNER, group, username="owner")


@pytest.fixture
def contributor(group, owner):
    return factories.make_user(Role.CONTRIBUTOR, group, username="contributor")


@pytest.fixture
def reader(group, owner):
    return factories.make_user(Role.READER, group, username="reader")


@pytest.fixture
def stranger(db):
    """Somebody with an account and no group."""
    return factories.make_user(username="stranger")


@pytest.fixture
def client_for():
    """client_for(user): a REST client; None is anonymous."""

    def make(user) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_login(user)
        return client

    return make


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door(request):
    """door(user): the verbs of tests/doors.py, once through each front door."""
    return request.param


@pytest.fixture
def empty_store(settings, tmp_path):
    """A blob storage and a staging folder of the test's own, on one file system."""
    (tmp_path / "staging").mkdir()
    settings.STAGING_DIR = tmp_path / "staging"
    blobs = {**settings.STORAGES["blobs"], "OPTIONS": {**settings.STORAGES["blobs"]["OPTIONS"], "location": str(tmp_path / "blobs")}}
    settings.STORAGES = {**settings.STORAGES, "blobs": blobs}
    return tmp_path
