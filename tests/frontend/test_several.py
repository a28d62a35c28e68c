"""Several rows of a list at once: who is offered what, what is said beforehand, and that each row is done or refused for itself."""

from __future__ import annotations

import pytest

from deployments.models import Operation
from portal.accounts.models import Event
from registry.models import ModelVersion
from tests import factories

MODELS, SERVICES, OPERATIONS = (f"/g/demo/lists/{noun}/several" for noun in ("models", "services", "operations"))


@pytest.fixture
def spare(group, owner, things):
    """A version that nothing uses, beside `iris:1`, which a manifest uses."""
    return factories.make_model_version(group, name="spare", files={"a.bin": b"x"}, user=owner, tags=["old"])


@pytest.mark.parametrize(
    ("noun", "verbs"),
    [
        ("models", ["add-tags", "delete"]),
        ("manifests", ["delete"]),
        ("images", ["delete"]),
        ("services", ["start", "stop", "delete"]),
        ("operations", ["rerun", "cancel"]),
        ("environments", []),
        ("audit", []),
    ],
)
def test_boxes_are_for_who_may_do_something(noun, verbs, browse, things, owner, reader):
    answer = browse(owner).get(f"/g/demo/{noun}/")
    assert [verb.name for verb in answer.context["several"]] == verbs
    text = answer.content.decode()
    assert ('form="several" name="row"' in text) == ('id="several"' in text) == bool(verbs)
    assert 'name="row"' not in browse(reader).get(f"/g/demo/{noun}/").content.decode()


def test_what_will_be_refused_is_said_before_and_nothing_is_done(browse, things, spare, owner):
    before = Event.objects.count()
    answer = browse(owner).post(MODELS, {"verb": "delete", "row": [things.version.pk, spare.pk], "query": "q=s"})
    assert [item.name for item in answer.context["going"]] == ["spare:1"]
    [refused] = answer.context["refused"]
    assert refused.name == "iris:1" and "iris:1" in refused.reason and refused.reason in answer.content.decode()
    assert answer.context["title"] == "Delete 1 model version?" and answer.context["back"] == "/g/demo/models/?q=s"
    assert ModelVersion.objects.count() == 2 and Event.objects.count() == before


def test_each_row_is_done_or_refused_for_itself(browse, things, spare, owner):
    client = browse(owner)
    other = factories.make_model_version(factories.make_group(name="other"), name="theirs", files={"b": b"y"})
    chosen = {"verb": "delete", "sure": "1", "row": [spare.pk, things.version.pk, other.pk, "nonsense"]}
    answer = client.post(MODELS, chosen)
    assert answer["Location"] == MODELS
    told = client.get(MODELS)
    assert told.context["done"] == ["spare:1"] and [one["name"] for one in told.context["refused"]] == ["iris:1"]
    assert told.context["gone"] == 2 and "2 rows are not there any more" in told.content.decode()
    assert set(ModelVersion.objects.values_list("pk", flat=True)) == {things.version.pk, other.pk}
    assert client.get(MODELS).context["done"] == ["spare:1"], "loading it again does nothing again"


def test_all_went_leads_back_to_the_list_as_it_was(browse, things, spare, owner):
    client = browse(owner)
    form = {"verb": "add-tags", "sure": "1", "tags": "seen, new", "row": [things.version.pk, spare.pk], "query": "q=s"}
    assert client.post(MODELS, {**form, "tags": ""}).status_code == 422
    assert client.post(MODELS, form)["Location"] == "/g/demo/models/?q=s"
    assert {tag.word for tag in spare.tags.all()} == {"old", "seen", "new"}
    assert "Add tags: done for 2 rows." in client.get("/g/demo/models/").content.decode()
    client.post(MODELS, {**form, "tags": "x" * 65})
    assert [one["name"] for one in client.get(MODELS).context["refused"]] == ["iris:1", "spare:1"]
    assert spare.tags.count() == 3


def test_services_are_stopped_started_and_deleted(browse, things, group, owner, contributor):
    other = factories.make_service(group, name="lily", image=things.image, environment=things.service.environment)
    rows, client = [things.service.pk, other.pk], browse(owner)
    assert "503" in client.post(SERVICES, {"verb": "stop", "row": rows}).content.decode()
    assert not things.service.operations.filter(label="stop iris").exists(), "it only asked"
    client.post(SERVICES, {"verb": "stop", "row": [other.pk], "sure": "1"})
    answer = client.post(SERVICES, {"verb": "stop", "row": rows})
    assert [item.reason for item in answer.context["refused"]] == ["It is stopped already."]
    client.post(SERVICES, {"verb": "start", "row": rows})
    told = client.get(SERVICES)
    assert told.context["done"] == ["lily"] and told.context["refused"][0]["reason"] == "It is not stopped."
    sure = {"verb": "delete", "row": rows, "sure": "1"}
    assert browse(contributor).post(SERVICES, sure).status_code == 403, "only an Owner deletes"
    assert "Type 2 exactly." in client.post(SERVICES, {**sure, "confirm": "iris"}).content.decode()
    assert client.post(SERVICES, {**sure, "confirm": "2"})["Location"] == "/g/demo/services/"
    other.refresh_from_db()
    assert other.deleting and Operation.objects.filter(kind=Operation.Kind.DELETE).count() == 2


def test_operations_are_cancelled_and_run_again(browse, things, owner):
    rows = list(Operation.objects.order_by("label").values_list("pk", flat=True))
    answer = browse(owner).post(OPERATIONS, {"verb": "cancel", "row": rows})
    assert [item.name for item in answer.context["going"]] == ["iris:2"]
    client = browse(owner)
    client.post(OPERATIONS, {"verb": "cancel", "row": rows, "sure": "1"})
    assert client.get(OPERATIONS).context["done"] == ["iris:2"]
    waiting = Operation.objects.filter(state=Operation.State.NOT_STARTED)
    client.post(OPERATIONS, {"verb": "rerun", "row": [things.failed.pk]})
    assert waiting.get().manifest == things.manifest


def test_what_cannot_be_asked(browse, things, owner, reader, stranger):
    row = str(things.version.pk)
    assert browse(owner).post(MODELS, {"verb": "delete"})["Location"] == "/g/demo/models/"
    assert browse(owner).post(MODELS, {"verb": "delete", "row": [f"{number}" for number in range(101)]}).status_code == 400
    assert browse(owner).post(MODELS, {"verb": "stop", "row": row}).status_code == 400
    assert browse(reader).post(MODELS, {"verb": "delete", "row": row, "sure": "1"}).status_code == 403
    assert browse(stranger).post(MODELS, {"verb": "delete", "row": row}).status_code == 404
    assert browse(owner).post("/g/demo/lists/audit/several", {"verb": "delete", "row": row}).status_code == 404
    assert browse(owner).get(MODELS)["Location"] == "/g/demo/models/"
    assert ModelVersion.objects.filter(pk=row).exists()
