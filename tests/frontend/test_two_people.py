"""Two people change the same thing: who sends second is told, sees both, and decides."""

from __future__ import annotations

import re

import pytest

from deployments.actions.environments import update_environment
from deployments.actions.services import update_service
from deployments.models import Revision
from registry.actions.models import change_model_version
from registry.models import Image
from tests.frontend.test_forms import fields_of


def opened(client, address: str) -> dict[str, str]:
    """The form's mark of what it showed, as a browser sends it back."""
    text = client.get(address).content.decode()
    return {"seen": re.search(r'name="seen" value="([^"]+)"', text)[1].replace("&quot;", '"')}


def sent_again(answer) -> dict[str, str]:
    return {"seen": re.search(r'name="seen" value="([^"]+)"', answer.content.decode())[1].replace("&quot;", '"')}


@pytest.mark.parametrize("page", ["edit", "card"])
def test_words_about_a_model_are_not_overwritten_silently(page, browse, things, owner, contributor):
    address, field = f"/g/demo/models/iris:1/{page}", {"edit": "description", "card": "card"}[page]
    client, others = browse(contributor), {"edit": {"tags": "flowers"}, "card": {}}[page]
    form = {**opened(client, address), field: "Mine.\r\nTwo lines.", **others}
    change_model_version(user=owner, version=things.version, **{field: "Theirs."})
    answer = client.post(address, form)
    assert answer.status_code == 409
    assert "owner changed this while you were writing" in fields_of(answer)["__all__"][0]
    assert fields_of(answer)[field] == ["Meanwhile it became: Theirs."] and "tags" not in fields_of(answer)
    assert "Mine." in answer.content.decode()
    things.version.refresh_from_db()
    assert "Theirs." in (things.version.description, getattr(getattr(things.version, "card", None), "text", ""))
    assert client.post(address, {**form, **sent_again(answer)}).status_code == 302
    things.version.refresh_from_db()
    assert "Mine." in (things.version.description if page == "edit" else things.version.card.text)


def test_what_the_other_left_alone_or_made_equal_is_no_conflict(browse, things, owner, contributor):
    Image.objects.update(format="directory")
    address, client = "/g/demo/services/iris/settings", browse(contributor)
    form = {
        **opened(client, address),
        "image": "iris:1",
        "replicas": "2",
        "cpu": "0.5",
        "memory": "512Mi",
        "access": "key",
        "timeout": "60",
    }
    form |= {"batching": "on", "gpus": "0", "workers": "0"}
    update_service(user=owner, service=things.service, replicas=2)
    assert client.post(address, form).status_code == 302
    form |= {**opened(client, address), "replicas": "3"}
    update_service(user=owner, service=things.service, replicas=5, memory=2**30, batching=False)
    answer = client.post(address, form)
    assert answer.status_code == 409
    said = {name: sentences[0] for name, sentences in fields_of(answer).items() if name != "__all__"}
    assert said == {
        "replicas": "Meanwhile it became: 5",
        "memory": "Meanwhile it became: 1Gi",
        "batching": "Meanwhile it became: off",
    }
    assert 'id="id_memory_error"' in answer.content.decode()
    things.service.refresh_from_db()
    assert (things.service.replicas, things.service.memory) == (5, 2**30) and Revision.objects.filter(service=things.service).count() == 2


def test_an_environments_limits_are_compared_too(browse, things, owner, make_user, group):
    client, address = browse(make_user("owner", group)), "/g/demo/environments/local/edit"
    form = {**opened(client, address), "description": "", "max_replicas": "4", "max_cpu": "4", "max_memory": "8Gi", "is_default": "on"}
    update_environment(user=owner, environment=things.environment, max_replicas=7)
    assert fields_of(client.post(address, form))["max_replicas"] == ["Meanwhile it became: 7"]
    things.environment.refresh_from_db()
    assert things.environment.max_replicas == 7
