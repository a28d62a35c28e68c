"""Services narrowed by how they do, at both doors and by the words that the lists show."""

from __future__ import annotations

import pytest

from deployments.models import Service
from deployments.states import for_states, service_state
from tests.deployments.test_standing import every_kind

pytestmark = pytest.mark.django_db
WORDS = {"running": {"Running"}, "trouble": {"Degraded", "Failed"}, "stopped": {"Stopped"}}


@pytest.mark.parametrize("state", WORDS)
def test_services_are_found_by_their_state(state, group, owner, client, client_for):
    every_kind(group)
    wanted = {row.name for row in for_states(Service.objects.filter(group=group)) if service_state(row).word in WORDS[state]}
    assert 0 < len(wanted) < Service.objects.count()
    found, address = set(), f"/api/v1/groups/demo/services/?state={state}&$top=100"
    while address:
        page = client_for(owner).get(address).json()
        found |= {row["name"] for row in page["value"]}
        address = page.get("nextLink")
    assert found == wanted
    client.force_login(owner)
    assert client.get(f"/g/demo/services/?state={state}").context["count"] == len(wanted)
