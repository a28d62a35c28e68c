"""Golden requests: every new revision is asked before it takes traffic, and a rule or a person decides about changed answers."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from deployments import reconcile
from deployments.actions import golden, services
from deployments.actions.images import create_image
from deployments.actions.operations import cancel_operation
from deployments.golden.compare import differences
from deployments.models import GoldenRequest, GoldenRun, Operation, Revision
from deployments.states import service_state
from portal.errors import Conflict, NotAllowed
from tests import factories
from tests.fakes import FakeTarget

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1/groups/demo"


@pytest.fixture
def service(group, owner, environment, perform):
    manifest = factories.make_manifest(group, user=owner)
    image = perform(create_image(user=owner, group=group, manifest=manifest, environment=environment)).image
    operation, _ = services.create_service(user=owner, group=group, name="iris", image=image, environment=environment)
    service = perform(operation).service
    golden.save_golden_request(
        user=owner, service=service, name="two", body='{"x": 2}', expected='{"y": 4, "id": "a"}', tolerances={"/id": "ignore"}
    )
    return service


@pytest.fixture
def update(service, owner, perform):
    """update(): what a worker made of another revision."""

    def update(**changes):
        return perform(services.update_service(user=owner, service=service, **(changes or {"timeout": 90})))

    return update


def answers(y: float, **more) -> None:
    FakeTarget.answer = staticmethod(lambda spec, body: json.dumps({"y": y, "id": "b", **more}).encode())


def serving(service) -> int:
    return service.revisions.get(state=Revision.State.SERVING).number


def test_the_same_answers_pass_by_themselves(service, update):
    answers(4.0000001)
    operation = update()
    assert operation.state == "Succeeded" and serving(service) == 2
    assert [step.name for step in operation.steps.all()][:4] == ["start", "ready", "golden", "route"]
    run = GoldenRun.objects.get()
    assert (run.state, run.results[0]["outcome"], run.results[0]["status"]) == ("Passed", "same", 200)


def test_changed_answers_wait_for_a_person_and_hold_no_worker(service, owner, update, perform, engine):
    answers(5)
    operation = update()
    assert (operation.state, serving(service)) == ("Waiting", 1)
    run = GoldenRun.objects.get()
    assert run.results[0]["differences"] == [{"pointer": "/y", "expected": "4", "got": "5"}]
    reconcile.tick()
    operation.refresh_from_db()
    assert operation.state == "Waiting" and len(FakeTarget.replicas) == 2
    # Approved, with the new answer kept: it goes on where it was, and the next revision passes.
    golden.approve_answers(user=owner, operation=operation, save=True)
    operation = perform(operation)
    assert operation.state == "Succeeded" and serving(service) == 2
    assert json.loads(GoldenRequest.objects.get().expected)["y"] == 5
    assert update(timeout=91).state == "Succeeded" and serving(service) == 3
    assert [run.state for run in GoldenRun.objects.order_by("pk")] == ["Approved", "Passed"]


def test_a_rejected_revision_goes_and_what_waits_behind_is_rung_for(service, owner, update, perform, engine):
    answers(5)
    operation = update()
    behind = services.update_service(user=owner, service=service, timeout=77)
    assert perform(behind).state == "NotStarted"
    engine.clear()
    golden.reject_answers(user=owner, operation=operation)
    operation.refresh_from_db()
    assert (operation.state, operation.error["code"], serving(service)) == ("Failed", "AnswersRejected", 1)
    assert ["deployments.tasks.remove_left_over", "deployments.tasks.rollout"] == [name for name, _ in engine]
    assert service_state(type(service).objects.get()).word in ("Updating", "Running")
    with pytest.raises(Conflict):
        golden.approve_answers(user=owner, operation=operation)


def test_what_waits_can_be_cancelled(service, owner, update):
    answers(5)
    operation = cancel_operation(user=owner, operation=update())
    assert operation.state == "Cancelled" and service.revisions.get(number=2).state == "Failed"


@pytest.mark.parametrize(("policy", "state", "number", "kept"), [("stop", "Failed", 1, "Stopped"), ("warn", "Succeeded", 2, "Warned")])
def test_a_rule_decides_instead(service, owner, update, policy, state, number, kept):
    golden.set_golden_policy(user=owner, service=service, policy=policy)
    answers(5)
    operation = update()
    assert (operation.state, serving(service), GoldenRun.objects.get().state) == (state, number, kept)
    if policy == "stop":
        assert operation.error["code"] == "AnswersChanged" and "two" in operation.error["message"]
        assert len(FakeTarget.replicas) == 1


@pytest.mark.parametrize("answer", [b"no json", b"[" * 100_000, b"x" * (5 * 2**20)])
def test_what_is_no_answer_is_a_change(service, owner, update, answer):
    golden.set_golden_policy(user=owner, service=service, policy="stop")
    FakeTarget.answer = staticmethod(lambda spec, body: answer)
    assert update().state == "Failed" and GoldenRun.objects.get().results[0]["outcome"] == "failed"


def test_scaling_asks_nothing(service, owner, perform):
    assert "golden" not in [step.name for step in perform(services.update_service(user=owner, service=service, replicas=2)).steps.all()]


COMPARED = [
    (1, 1.0, {}, []),
    (1.0, 1.0000001, {}, []),
    (1.0, 1.1, {}, [""]),
    (1.0, 1.1, {"": 0.2}, []),
    (100, 104, {"": "5%"}, []),
    (True, 1, {}, [""]),
    (None, 0, {}, [""]),
    ("a", "b", {}, [""]),
    ([1, 2], [1], {}, [""]),
    ([{"p": 1.0, "id": 1}], [{"p": 1.05, "id": 2}], {"/*/p": 0.1, "/*/id": "ignore"}, []),
    ({"a": 1}, {"b": 1}, {}, ["/a", "/b"]),
    ({"a": 1}, {"b": 1}, {"/b": "ignore"}, ["/a"]),
    ({"a/b": {"c": 1}}, {"a/b": {"c": 2}}, {}, ["/a~1b/c"]),
    ({"x": [1, 2]}, {"x": [9, 9]}, {"/*/*": 100, "/x/1": 0}, ["/x/1"]),
    (10**400, 1.0, {}, [""]),
    (list(range(200)), list(range(1, 201)), {}, 100),
]


@pytest.mark.parametrize(("expected", "got", "rules", "places"), COMPARED)
def test_where_answers_differ(expected, got, rules, places):
    found = differences(expected, got, rules)
    assert len(found) == places if isinstance(places, int) else [each.pointer for each in found] == places


def test_bad_requests_are_refused_at_their_field(service, owner, reader):
    with pytest.raises(ValidationError) as refused:
        golden.save_golden_request(
            user=owner, service=service, name=" ", body="{", expected="a\0", tolerances={"y": 1, "/a": "x", "/b": -1}
        )
    assert set(refused.value.message_dict) == {"name", "body", "expected", "tolerances"}
    assert len(refused.value.message_dict["tolerances"]) == 3
    with pytest.raises(NotAllowed):
        golden.save_golden_request(user=reader, service=service, name="x", body="1", expected="1")


def test_rest(client_for, service, owner, reader, stranger, update):
    rest = client_for(owner)
    body = {"name": "three", "body": {"x": 3}, "expected": [1.5], "tolerances": {"/0": 0.1}}
    assert rest.post(f"{BASE}/services/iris/golden/", body, format="json").status_code == 201
    assert [row["name"] for row in rest.get(f"{BASE}/services/iris/golden/").json()] == ["three", "two"]
    assert rest.get(f"{BASE}/services/iris/golden/three/").json()["expected"] == [1.5]
    assert rest.delete(f"{BASE}/services/iris/golden/three/").status_code == 204
    assert rest.put(f"{BASE}/services/iris/golden-policy/", {"policy": "warn"}, format="json").json() == {"policy": "warn"}
    assert rest.put(f"{BASE}/services/iris/golden-policy/", {"policy": "maybe"}, format="json").status_code == 400
    rest.put(f"{BASE}/services/iris/golden-policy/", {"policy": "ask"}, format="json")
    answers(5)
    operation = update()
    address = f"{BASE}/operations/{operation.pk}"
    assert rest.get(f"{address}/").json()["state"] == "Waiting"
    assert rest.get(f"{address}/answers/").json()["results"][0]["differences"][0]["pointer"] == "/y"
    assert client_for(reader).post(f"{address}/approve/", {}, format="json").status_code == 403
    assert client_for(stranger).post(f"{address}/reject/").status_code == 404
    assert rest.post(f"{address}/approve/", {"save": True}, format="json").status_code == 202
    assert rest.post(f"{address}/approve/", {}, format="json").status_code == 409
    assert rest.get(f"{BASE}/services/iris/golden-runs/").json()[0]["decidedBy"] == "owner"


def test_pages(client, service, owner, reader, update):
    client.force_login(owner)
    page = "/g/demo/services/iris/golden"
    sent = {"name": "three", "body": "{}", "expected": "[1]", "tolerances": "/*/price 0.01\n/id ignore\n/s 5%"}
    assert client.post(page, sent).status_code == 302
    assert GoldenRequest.objects.get(name="three").tolerances == {"/*/price": 0.01, "/id": "ignore", "/s": "5%"}
    assert client.post(page, {**sent, "tolerances": "price"}).status_code == 422
    assert "/*/price 0.01" in client.get(f"{page}?edit=three").content.decode()
    assert client.post(f"{page}/{GoldenRequest.objects.get(name='three').pk}/delete").status_code == 302
    assert client.post(f"{page}/policy", {"policy": "ask"}).status_code == 302
    answers(5)
    operation = update()
    shown = client.get(page).content.decode()
    assert "Revision 2 (iris:1) answers otherwise" in shown and "<code>/y</code>" in shown
    client.force_login(reader)
    assert client.post(f"/g/demo/operations/{operation.pk}/decide", {"decision": "reject"}).status_code == 403
    client.force_login(owner)
    assert client.post(f"/g/demo/operations/{operation.pk}/decide", {"decision": "reject"}).status_code == 302
    assert Operation.objects.get(pk=operation.pk).state == "Failed" and GoldenRun.objects.get().state == "Rejected"


def test_what_serves_is_asked_on_demand(client, client_for, service, owner, reader, perform, engine):
    """By REST and by the page; it decides nothing and makes no revision."""
    rest, address = client_for(owner), f"{BASE}/services/iris/golden-checks/"
    answers(5)
    begun = rest.post(address)
    assert begun.status_code == 202 and rest.post(address).json()["id"] == begun.json()["id"]  # one at a time
    client.force_login(owner)
    page = "/g/demo/services/iris/golden"
    assert "Queued" in client.get(page, headers={"HX-Request": "true"}).content.decode()
    operation = perform(Operation.objects.get(pk=begun.json()["id"]))
    assert (operation.state, serving(service), GoldenRun.objects.count()) == ("Succeeded", 1, 0)
    (check,) = rest.get(address).json()
    assert (check["revision"], check["results"][0]["differences"]) == (1, [{"pointer": "/y", "expected": "4", "got": "5"}])
    shown = client.get(page).content.decode()
    assert "1 answer is another one." in shown and "<code>/y</code>" in shown
    answers(4)
    assert client.post(f"{page}/ask")["Location"] == f"{page}#asked"
    perform(Operation.objects.get(kind="Golden", state="NotStarted"))
    assert "All answers are the same." in client.get(page).content.decode()
    assert client_for(reader).post(address).status_code == 403 and len(rest.get(address).json()) == 2
    # Where nothing answers, it says so and leaves no check behind.
    perform(services.stop_service(user=owner, service=service))
    rest.post(address)
    failed = perform(Operation.objects.get(kind="Golden", state="NotStarted"))
    assert (failed.state, failed.error["code"]) == ("Failed", "NothingToStart") and len(rest.get(address).json()) == 2


def test_an_answer_of_try_it_becomes_a_golden_request(client, service, owner):
    client.force_login(owner)
    shown = client.post("/g/demo/services/iris/golden/new", {"body": '{"x": 7}', "expected": '{"y": 14}'})
    assert shown.status_code == 200 and GoldenRequest.objects.count() == 1
    form = shown.context["form"]
    sent = {name: form[name].value() for name in ("body", "expected")} | {"name": "seven", "tolerances": ""}
    assert client.post("/g/demo/services/iris/golden", sent).status_code == 302
    kept = GoldenRequest.objects.get(name="seven")
    assert (kept.body, kept.expected) == ('{"x": 7}', '{"y": 14}')
