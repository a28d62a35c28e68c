"""What a worker says of a failure reaches pages, notifications and the API in the reader's language, and programs in English."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.translation import override

from deployments import work
from deployments.actions.images import create_image
from deployments.builds.builders import uv_errors
from deployments.notifications import notifications
from portal.errors import Unavailable
from portal.told import told
from tests import factories
from tests.fakes import FakeBuilder

pytestmark = pytest.mark.django_db(transaction=True)
CHINESE = {"Accept-Language": "zh-Hant"}


@pytest.fixture
def fails(group, owner, environment, perform):
    def build(error):
        FakeBuilder.trouble = {"resolve": error}
        manifest = factories.make_manifest(group, user=owner, dependencies=("requirements.txt", b"scikit-lern\n", None), files=[])
        return perform(create_image(user=owner, group=group, manifest=manifest, environment=environment, then=None))

    return build


def test_a_package_that_is_not_there(fails, owner, client, client_for):
    error = uv_errors.explain("error: No solution found\nBecause scikit-lern was not found in the package registry", doing="Looking")
    operation = fails(error)
    assert operation.error["message"] == "There is no package called `scikit-lern`. Did you mean `scikit-learn`?"
    address = reverse("pages:operation", args=["demo", operation.pk])
    client.force_login(owner)
    said = "沒有名為 `scikit-lern` 的套件。 您是指 `scikit-learn` 嗎？"
    assert said in client.get(address, headers=CHINESE).content.decode()
    assert operation.error["message"] in client.get(address).content.decode()
    api = f"/api/v1/groups/demo/operations/{operation.pk}/"
    assert client_for(owner).get(api, headers=CHINESE).json()["error"]["message"] == said
    answer = client_for(owner).get(api).json()["error"]
    assert answer["message"] == operation.error["message"] and "told" not in answer
    with override("zh-hant"):
        assert [one.detail for one in notifications(owner) if one.kind == "operation.failed"] == [said]


def test_what_is_tried_again_and_then_given_up(fails, monkeypatch):
    monkeypatch.setattr(work, "MOST_ATTEMPTS", 2)
    operation = fails(Unavailable(told("The package index"), "dns error"))
    assert operation.state == "NotStarted" and operation.error["message"] == "The package index did not answer: dns error Trying again."
    with override("zh-hant"):
        assert operation.failure == "套件索引沒有回應：dns error 正在重試。"
        monkeypatch.setattr(work, "MOST_ATTEMPTS", 1)
        given_up = fails(Unavailable(told("The package index"), "dns error"))
        assert given_up.state == "Failed" and "我們試了 1 次" in given_up.failure
    # Whatever language the thread had: what is stored for programs and logs is English.
    assert given_up.error["message"].startswith("The package index did not answer: dns error We tried 1 times.")
