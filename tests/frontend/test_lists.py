"""What lists offer beside their rows: quick search, chips, saved views, columns, exports; and the search over everything."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.utils import timezone

from deployments.models import TrafficBucket
from portal.accounts.actions import system_user
from portal.accounts.events import EventTag, record
from portal.accounts.models import Event, Membership, SavedView
from portal.accounts.permissions import Role
from registry.actions.models import change_model_version
from tests import factories

HTMX = {"HX-Request": "true"}


def test_the_quick_search_answers_with_the_results_alone(browse, things, group, owner):
    factories.make_model_version(group, name="other", files={"b.bin": b"x"})
    text = browse(owner).get("/g/demo/models/?q=other", headers=HTMX).content.decode()
    assert text.strip().startswith('<div id="results">') and "<html" not in text
    assert "other:1" in text and "iris:1" not in text and 'hx-swap-oob="true">1<' in text


def test_active_filters_are_chips_that_can_be_taken_away(browse, things, owner):
    text = browse(owner).get("/g/demo/models/?q=iris&tag=flowers&size=50").content.decode()
    assert 'href="?tag=flowers&amp;size=50" aria-label="Remove the filter Search"' in text
    assert 'href="?q=iris&amp;size=50" aria-label="Remove the filter Tag"' in text


def test_columns_density_rows_and_order_are_kept_for_the_person(browse, things, group, owner, reader):
    for number in range(30):
        factories.make_model_version(group, name=f"m{number:02d}", files={"a": str(number).encode()}, user=owner)
    client = browse(owner)
    every = ["aliases", "tags", "framework", "used", "size", "created_at", "created_by"]
    shown = {"columns": every, "column": ["size"], "dense": "on", "size": "50", "sort": "name", "query": "q=m"}
    assert client.post("/g/demo/lists/models/layout", shown)["Location"] == "/g/demo/models/?q=m"
    page = client.get("/g/demo/models/")
    table = page.context["table"]
    assert [column.name for column in table.columns] == ["name", "size", "menu"] and len(table.page.object_list) == 31
    assert str(table.page.object_list[0].record) == "iris:1" and "table-card dense" in page.content.decode()
    assert len(list(browse(reader).get("/g/demo/models/").context["table"].columns)) > 2
    assert client.post("/g/demo/lists/nothing/layout", shown).status_code == 404


def test_rows_have_menus_of_what_the_person_may_do(browse, things, owner, reader):
    def menu(user, noun: str, row) -> str:
        text = browse(user, enforce_csrf_checks=True).get(f"/g/demo/{noun}/").content.decode()
        return text.split(f'<div id="row-{row.pk}" popover')[1].split("</td>")[0]

    whole = menu(owner, "services", things.service)
    assert 'href="/g/demo/services/iris/try"' in whole and 'class="trouble"' in whole and "aria-disabled" not in whole
    address = re.search(r'action="([^"]+/stop)"', whole)[1]
    client = browse(owner, enforce_csrf_checks=True)
    client.get("/g/demo/services/")
    assert client.post(address).status_code == 403
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', client.get("/g/demo/services/").content.decode())[1]
    assert "/operations/" in client.post(address, {"csrfmiddlewaretoken": token})["Location"]
    seen = menu(reader, "services", things.service)
    assert seen.count("This needs Contributor") == 4 and seen.count("This needs Owner") == 2 and "<form" not in seen
    for noun, row, address in (
        ("models", things.version, "manifests/new?model=iris:1"),
        ("manifests", things.manifest, "images/new?manifest=iris:1"),
        ("images", things.image, "services/new?image=iris:1"),
        ("environments", things.environment, f"environments/{things.environment.name}/edit"),
    ):
        assert f"/g/demo/{address}" in menu(owner, noun, row)


def test_the_list_of_services_shows_their_addresses_and_last_calls(browse, things, owner, settings):
    now = timezone.now()
    for minutes, calls in ((2, 30), (5, 15), (40, 600)):
        TrafficBucket.objects.create(
            service=things.service,
            revision=1,
            status=200,
            calls=calls,
            span=60,
            starts_at=(now - timedelta(minutes=minutes)).replace(second=0),
        )
    text = browse(owner).get("/g/demo/services/").content.decode()
    assert f'data-copy="{settings.GATEWAY_URL}/demo/iris/score"' in text
    drawn = re.search(r'class="spark-small".*?<path d="(M[^"]+)"></path></svg> 3</td>', text)
    assert drawn and drawn[1].count("L") == 13
    answer = browse(owner).get("/g/demo/services/?export=json")
    [row] = json.loads(b"".join(answer.streaming_content))
    assert row["Calls a minute"] == 3 and row["URL"] == f"{settings.GATEWAY_URL}/demo/iris/score" and "Actions" not in row


def test_a_view_is_saved_shared_and_deleted(browse, things, owner, contributor, reader):
    form = {"name": "Flowers", "query": "tag=flowers&page=3&sort=-size", "shared": "on"}
    answer = browse(contributor).post("/g/demo/lists/models/views", form)
    assert answer["Location"] == "/g/demo/models/?tag=flowers&sort=-size"
    assert 'href="?tag=flowers&amp;sort=-size">Flowers' in browse(reader).get("/g/demo/models/").content.decode()
    assert "Flowers" not in browse(reader).get("/g/demo/images/").content.decode()
    view = SavedView.objects.get()
    assert browse(reader).post(f"/g/demo/lists/models/views/{view.pk}/delete").status_code == 403
    assert browse(owner).post(f"/g/demo/lists/models/views/{view.pk}/delete").status_code == 302
    assert not SavedView.objects.exists()


def test_views_over_rest(client_for, things, group, contributor, reader, stranger):
    address = "/api/v1/groups/demo/views/"
    mine = {"noun": "models", "name": "Mine", "query": "q=iris", "shared": False}
    made = client_for(contributor).post(address, mine, format="json")
    assert made.status_code == 201 and made.json()["owner"] == "contributor"
    assert client_for(contributor).post(address, {**mine, "query": ""}, format="json").status_code == 400
    assert client_for(contributor).post(address, {**mine, "noun": "pets"}, format="json").status_code == 400
    assert client_for(reader).get(address).json()["value"] == []
    assert client_for(stranger).get(address).status_code == 404
    assert client_for(reader).delete(f"{address}{made.json()['id']}/").status_code == 404
    assert client_for(contributor).delete(f"{address}{made.json()['id']}/").status_code == 204


def test_preferences_over_rest(client_for, browse, things, reader):
    client = client_for(reader)
    assert client.put("/api/v1/preferences/shortcuts/", {"value": False}, format="json").json() == {"value": False}
    assert client.get("/api/v1/preferences/").json() == {"preferences": {"shortcuts": False}}
    assert client.put("/api/v1/preferences/Not-A-Name/", {"value": 1}, format="json").status_code == 400
    assert 'data-shortcuts="off"' in browse(reader).get("/g/demo/").content.decode()
    assert browse(reader).post("/profile/display", {"shortcuts": "on"}).status_code == 302
    assert 'data-shortcuts="off"' not in browse(reader).get("/g/demo/").content.decode()


def test_what_was_filtered_is_exported_whole(browse, things, group, owner, monkeypatch):
    monkeypatch.setattr("frontend.lists.PORTION", 7)
    for number in range(20):
        factories.make_model_version(group, name=f"part-{number:02d}", files={"a": b"=" * (number + 1)}, user=owner, tags=["=1+1", "b"])
    answer = browse(owner).get("/g/demo/models/?q=part&sort=name&export=csv")
    assert 'filename="demo-models.csv"' in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    head, *lines = rows
    assert head[0] == "Name" and [line[0] for line in lines] == [f"part-{number:02d}" for number in range(20)]
    assert lines[3][head.index("Size")] == "4" and lines[3][head.index("Tags")] == "'=1+1 b", "a spreadsheet calculates nothing"
    answer = browse(owner).get("/g/demo/models/?q=part-1&export=json")
    found = json.loads(b"".join(answer.streaming_content))
    assert len(found) == 10 and found[0]["By"] == "owner"


def test_an_export_goes_out_while_it_is_made(things, group, owner, monkeypatch):
    monkeypatch.setattr("frontend.lists.PORTION", 7)
    for number in range(20):
        factories.make_model_version(group, name="many", files={"a": b"=" * (number + 1)}, user=owner)

    async def parts() -> list[bytes]:
        """As the portal's own server asks."""
        client = AsyncClient()
        await client.aforce_login(owner)
        answer = await client.get("/g/demo/models/?q=many&export=json")
        assert answer.is_async
        return [part async for part in answer]

    found = async_to_sync(parts)()
    assert len(found) == 4 and len(json.loads(b"".join(found))) == 20


@pytest.mark.parametrize("noun", ["models", "manifests", "images", "services", "environments", "operations", "audit"])
def test_every_list_exports(noun, browse, things, owner):
    answer = browse(owner).get(f"/g/demo/{noun}/?export=json")
    assert len(json.loads(b"".join(answer.streaming_content))) >= 1


def test_the_audit_log_is_filtered_and_is_each_things_activity(browse, client_for, things, owner, reader, contributor):
    text = browse(contributor).get("/g/demo/audit/?tag=model.registered").content.decode()
    assert "registered model" in text and "wrote manifest" not in text
    page = browse(owner).get("/g/demo/manifests/iris:1")
    activity = browse(owner).get(page.context["activity"]).content.decode()
    assert "Activity of iris:1" in activity and "wrote manifest" in activity and "registered model" not in activity
    assert browse(reader).get("/g/demo/audit/").context["count"] == 0
    assert "Audit log" not in browse(reader).get("/g/demo/").content.decode()
    events = client_for(owner).get("/api/v1/groups/demo/events/?tag=manifest.created").json()["value"]
    assert [(event["actor"], event["subject"]) for event in events] == [("owner", "iris:1")]
    assert client_for(reader).get("/api/v1/groups/demo/events/").json()["value"] == []


def sections(answer) -> dict[str, list[str]]:
    return {section.title: [hit.words for hit in section.hits] for section in answer.context["sections"]}


def test_the_search_finds_things_people_pages_and_actions(browse, things, group, owner, reader, stranger):
    found = sections(browse(owner).get("/g/demo/search?q=iris"))
    assert (
        found["Models"] == ["iris:1"] and found["Services"] == ["iris"] and found["Operations of the last 30 days"] == ["iris:2", "iris:3"]
    )
    assert sections(browse(owner).get("/g/demo/search?q=flowers"))["Models"] == ["iris:1"], "by tag"
    assert sections(browse(owner).get(f"/g/demo/search?q={things.image.digest[:15]}"))["Images"] == ["iris:1"]
    assert sections(browse(owner).get(f"/g/demo/search?q={things.service.pk}"))["Services"] == ["iris"]
    assert sections(browse(owner).get("/g/demo/search?q=contrib"))["People"] == ["contributor"]
    assert list(sections(browse(owner).get("/g/demo/search?q=>model"))) == ["Actions"]
    assert "Register a model" not in str(sections(browse(reader).get("/g/demo/search?q=>")))
    assert browse(stranger).get("/g/demo/search?q=iris").status_code == 404
    assert browse(owner).get("/search?q=iris")["Location"] == "/g/demo/search?q=iris"
    part = browse(owner).get("/g/demo/search?q=iris", headers=HTMX).content.decode()
    assert "<html" not in part and part.count("<a href") >= 4


def test_the_words_of_a_version_follow_its_changes(browse, things, owner):
    def found(text: str) -> list[str]:
        return sections(browse(owner).get("/g/demo/search", {"q": text})).get("Models", [])

    change_model_version(user=owner, version=things.version, description="Für Rosen", tags=["Garden"])
    assert found("für ROSEN") == found("garden") == found("iris") == ["iris:1"] and found("flowers") == []


def test_the_cuts_of_a_list_are_pages(browse, things, owner):
    for query in ("running=1", "state=Failed"):
        assert browse(owner).get(f"/g/demo/operations/?{query}").status_code == 200


def test_the_audit_log_looks_for_a_text_in_some_months_unless_told(browse, things, owner):
    old = Event.objects.filter(subject_label="iris:1").first()
    Event.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=200), subject_label="lily:1")
    answer = browse(owner).get("/g/demo/audit/?q=lily")
    assert answer.context["count"] == 0 and "the last 90 days" in answer.content.decode()
    further = browse(owner).get("/g/demo/audit/?q=lily&since=2020-01-01")
    assert further.context["count"] == 1 and "the last 90 days" not in further.content.decode()
    assert browse(owner).get(f"/g/demo/audit/?actor={old.actor_label.upper()}").context["count"] > 0, "a person in any case"
    Event.objects.filter(subject_label="iris:1").update(actor=None, actor_label="Zachary")
    gone = browse(owner).get("/g/demo/audit/?q=zach")
    assert gone.context["count"] > 0 and "Zachary" in gone.content.decode(), "a part of the name of somebody who is gone"


def test_a_list_counts_to_a_bound_and_says_so(browse, group, owner, things, monkeypatch):
    for number in range(4):
        factories.make_model_version(group, name="many", files={"a": str(number).encode()}, user=owner)
    monkeypatch.setattr("frontend.views.base.MOST_COUNTED", 3)
    answer = browse(owner).get("/g/demo/models/")
    assert answer.context["count"] == 3 and answer.context["said"] == "3+"
    monkeypatch.setattr("frontend.paging.MOST_FOUND", 2)
    assert browse(owner).get("/g/demo/models/?q=many&sort=size").context["said"] == "2+", "a search that finds many"
    few = browse(owner).get("/g/demo/models/?q=iris&sort=-size")
    assert few.context["said"] == "1" and "iris:1" in few.content.decode()


def test_more_than_three_of_a_kind_lead_to_the_list(browse, things, group, owner):
    for number in range(5):
        factories.make_model_version(group, name=f"many-{number}", files={"a": str(number).encode()}, user=owner)
    text = browse(owner).get("/g/demo/search?q=many").content.decode()
    assert 'href="/g/demo/models/?q=many"' in text and "all 5 models…" in text


def test_the_system_page_is_for_administrators(browse, client_for, things, owner, monkeypatch):
    monkeypatch.setattr("deployments.system.PING_SECONDS", 0.1)
    assert browse(owner).get("/system").status_code == 404
    assert client_for(owner).get("/health/").status_code == 403 and client_for(None).get("/health/").status_code == 401
    admin = factories.make_user(username="admin", is_superuser=True)
    text = browse(admin).get("/system").content.decode()
    assert "Worker for build" in text and "does not answer" in text and "supervisor starts it again" in text
    answer = client_for(admin).get("/health/")
    parts = {part["name"]: part["state"] for part in answer.json()["parts"]}
    assert answer.status_code == 503 and answer.json()["state"] == "fail"
    assert parts["database"] == "ok" and parts["worker-build"] == "fail" and parts["gateway"] == "fail"
    assert client_for(admin).get("/api/v1/system/").json()["parts"][0]["name"] == "database"


def test_what_the_portal_did_by_itself_is_no_persons(browse, group, owner):
    Membership.objects.create(user=system_user(), group=group, role=Role.OWNER)
    factories.make_model_version(group, name="example", user=system_user())
    for page in ("members/", "models/", "models/example:1"):
        text = browse(owner).get(f"/g/demo/{page}").content.decode()
        assert "the portal itself" in text and ">system<" not in text, page
    rows = browse(owner).get("/g/demo/models/?export=csv").getvalue().decode()
    assert ",system" in rows and "the portal itself" not in rows, "an export keeps the name that filters and REST know"


def test_short_details_of_the_log_are_read_without_opening(browse, group, owner):
    record(owner, EventTag.MEMBER_CHANGED, None, group=group, before="contributor", after="x" * 40)
    assert "<summary>before contributor, after</summary>" in browse(owner).get("/g/demo/audit/").content.decode()
