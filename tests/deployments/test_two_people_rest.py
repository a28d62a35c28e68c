"""Two people change the same thing over REST: with `If-Match`, who comes second is told who was first, and nothing is overwritten."""

from __future__ import annotations

import pytest

from deployments.actions.environments import update_environment
from deployments.actions.services import update_service
from registry.actions.models import change_model_version
from tests import factories

API = "/api/v1/groups/demo"


@pytest.fixture
def kinds(group, owner, environment, engine):
    """noun -> (address, what the other person does, a change by PATCH, what the row says of that)"""
    version = factories.make_model_version(group, user=owner)
    manifest = factories.make_manifest(group, models=[version], user=owner)
    image = factories.make_image(group, manifest=manifest, user=owner)
    service = factories.make_service(group, name="iris", image=image, environment=environment)
    return {
        "model": (f"{API}/models/iris:1/", lambda: change_model_version(user=owner, version=version, card="Theirs."), {"tags": ["mine"]}),
        "service": (f"{API}/services/iris/", lambda: update_service(user=owner, service=service, replicas=2), {"description": "Mine."}),
        "environment": (
            f"{API}/environments/{environment.name}/",
            lambda: update_environment(user=owner, environment=environment, max_replicas=7),
            {"description": "Mine."},
        ),
    }


@pytest.mark.parametrize("noun", ["model", "service", "environment"])
def test_who_comes_second_is_told_and_overwrites_nothing(noun, kinds, client_for, make_user, group):
    address, theirs, mine = kinds[noun]
    client = client_for(make_user("owner", group, "second"))
    read = client.get(address)
    assert client.get(address)["ETag"] == read["ETag"]
    theirs()
    for verb, body in ((client.patch, mine), (client.delete, None)):
        refused = verb(address, body, headers={"If-Match": read["ETag"]})
        assert refused.status_code == 412, refused.content
        said = refused.json()
        assert said["code"] == "PreconditionFailed" and "was changed after you read it, last by owner at 20" in said["message"]
        assert [part["code"] for part in said["details"]] == ["ChangedBy", "ChangedAt"] and said["details"][0]["message"] == "owner"
    again = client.get(address)
    assert again["ETag"] == refused["ETag"] != read["ETag"]
    (field, value) = next(iter(mine.items()))
    assert again.json()[field] != value

    # Read again, it is theirs to change; a proxy or compression may have made the tag weak, and others may stand beside it.
    answer = client.patch(address, mine, headers={"If-Match": f'"other", W/{again["ETag"]}'})
    assert answer.status_code == 200 and answer.json()[field] == value
    assert answer["ETag"] == client.get(address)["ETag"] != again["ETag"]
    assert client.patch(address, mine, headers={"If-Match": read["ETag"]}).status_code == 412
    assert client.patch(address, mine, headers={"If-Match": "*"}).status_code == 200
    assert client.patch(address, mine).status_code == 200, "without the header nothing is asked"


def test_an_image_that_was_asked_for_counts_before_it_serves_and_a_state_does_not(kinds, client_for, contributor, group, owner):
    address, _, mine = kinds["service"]
    client = client_for(contributor)
    before = client.get(address)["ETag"]
    service = group.services.get()
    service.revisions.update(state="Expired")
    assert client.get(address)["ETag"] == before and client.get(address).json()["state"] != "Running"
    assert client.patch(address, mine | {"timeout": 30}, headers={"If-Match": before}).status_code == 202
    assert client.patch(address, {"cpu": "1"}, headers={"If-Match": before}).status_code == 412
    # What had to be built first comes long after it was asked for, and is told as it came.
    service.revisions.create(number=9, image=service.revisions.first().image, cpu=1, memory=2**29, created_by=contributor)
    refused = client.patch(address, {"cpu": "1"}, headers={"If-Match": before})
    assert refused.json()["details"][0]["message"] == "contributor"
    image = factories.make_image(group, manifest=service.revisions.first().image.manifest, user=owner)
    now = client.get(address)["ETag"]
    update_service(user=owner, service=service, image=image)
    assert client.patch(address, {"cpu": "1"}, headers={"If-Match": now}).status_code == 412
