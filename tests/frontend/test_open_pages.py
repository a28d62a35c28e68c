"""A service's page for people without an account: what is on it, what is not, and that a closed one is as none at all."""

from __future__ import annotations

import json
import re

import pytest
from django.core.cache import cache

from portal.accounts.models import Event
from portal.errors import NotAllowed

PAGES = ["", "docs", "openapi.json", "swagger.json"]


@pytest.fixture(autouse=True)
def nobody_has_asked_yet():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def iris(things, contributor):
    columns = [{"name": "length", "dtype": "float64"}, {"name": "kind", "dtype": "text"}]
    rows = {"type": 3, "internal": {"columns": columns}, "swagger": {"example": [{"length": 1.5, "kind": "setosa"}]}}
    service = things.service
    type(things.manifest).objects.filter(pk=things.manifest.pk).update(service_schema={"input": {"rows": rows}})
    service.description, service.contact = "# Flowers\n\nNames **flowers**.<script>x</script>", "#flowers on the chat"
    service.open_page = True
    service.save()
    service.examples.create(name="of ours", body='{"data": "kept-for-the-group"}', shared=True, created_by=contributor)
    return service


def said(answer) -> tuple:
    """What of an answer could tell two of them apart; the reference and nonce are new in each."""
    text = re.sub(r"<code id=\"reference\">.*?</code>|nonce=\".*?\"|csrf.*?>|value=\".*?\"", "", answer.content.decode())
    return answer.status_code, text, sorted(name for name in answer.headers if name != "X-Request-Id"), sorted(answer.cookies)


def test_anyone_reads_what_it_does_how_it_is_called_and_whom_to_ask(browse, iris, owner, contributor):
    answer = browse(None).get("/s/demo/iris/")
    text = answer.content.decode()
    assert answer.status_code == 200 and not answer.cookies
    assert answer["X-Robots-Tag"] == "noindex, nofollow" and '<meta name="robots" content="noindex' in text
    assert answer["Cache-Control"] == "no-store"
    for words in (
        "<strong>flowers</strong>",
        iris.scoring_url,
        "Bearer $MODELPORT_KEY",
        "#flowers on the chat",
        "/s/demo/iris/openapi.json",
    ):
        assert words in text, words
    assert "rows[].length" in text and "setosa" in text
    assert "<script>x" not in text
    for key in iris.keys.all():
        assert key.key_id not in text and key.last_four not in re.sub(r"nonce=\".*?\"", "", text)
    for words in (owner.username, contributor.username, "kept-for-the-group", "/g/demo", "modelport service run", "csrfmiddlewaretoken"):
        assert words not in text, words


def test_documents_and_swagger_need_no_cookie_either(browse, iris, settings):
    page = browse(None).get("/s/demo/iris/docs")
    assert page.status_code == 200 and not page.cookies
    assert settings.GATEWAY_URL in page["Content-Security-Policy"]
    config = json.loads(re.search(r'id="swagger-config" type="application/json">(.*?)</script>', page.content.decode())[1])
    assert "keyUrl" not in config
    document = browse(None).get(config["url"])
    assert not document.cookies and document["X-Robots-Tag"] == "noindex, nofollow"
    told = document.json()
    assert told["servers"][0]["url"] == iris.url and told["components"]["securitySchemes"]["Key"]["scheme"] == "bearer"
    assert browse(None).get("/s/demo/iris/swagger.json").json()["swagger"] == "2.0"


@pytest.mark.parametrize("page", PAGES)
def test_a_closed_page_is_as_none_at_all(page, browse, iris, owner, stranger):
    for change in ({"open_page": False}, {"deleting": True, "open_page": True}):
        type(iris).objects.filter(pk=iris.pk).update(**change)
        for who in (None, stranger, owner):
            client = browse(who)
            closed, none, nowhere = (client.get(f"/s/{path}/{page}") for path in ("demo/iris", "demo/absent", "nowhere/iris"))
            assert closed.status_code == 404
            assert said(closed) == said(none) == said(nowhere)
    assert said(browse(None).post(f"/s/demo/iris/{page}")) == said(browse(None).post(f"/s/demo/absent/{page}"))


def test_only_those_who_change_services_open_it_and_it_is_written_down(group, iris, owner, contributor, reader, stranger, browse):
    from deployments.actions.services import update_service

    for who in (reader, stranger):
        with pytest.raises(NotAllowed):
            update_service(user=who, service=iris, open_page=False)
    assert browse(None).get("/s/demo/iris/").status_code == 200
    for who in (contributor, owner):
        for chosen in (False, True):
            update_service(user=who, service=iris, open_page=chosen)
            event = Event.objects.order_by("-pk").first()
            assert event.actor == who and event.data["open_page"] is chosen and event.data["fields"] == ["open_page"]
            assert browse(None).get("/s/demo/iris/").status_code == (200 if chosen else 404)


def test_both_doors_open_and_close_it(iris, contributor, reader, client_for, browse):
    address = "/api/v1/groups/demo/services/iris/"
    assert client_for(reader).patch(address, {"openPage": False}).status_code == 403
    shown = client_for(contributor).patch(address, {"openPage": False}).json()
    assert shown["openPage"] is False and shown["openPageUri"] is None
    page = browse(contributor).get("/g/demo/services/iris/settings")
    form = page.context["form"]
    values = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    assert browse(reader).post("/g/demo/services/iris/settings", {**values, "open_page": "on"}).status_code == 403
    assert browse(contributor).post("/g/demo/services/iris/settings", {**values, "open_page": "on"}).status_code == 302
    shown = client_for(contributor).get(address).json()
    assert shown["openPage"] is True and shown["openPageUri"].endswith("/s/demo/iris/")


def test_refused_callers_are_led_from_the_page_of_members_to_the_open_one(browse, iris):
    assert browse(None).get("/g/demo/services/iris/docs")["Location"] == "/s/demo/iris/"
    type(iris).objects.filter(pk=iris.pk).update(open_page=False)
    closed, none = (browse(None).get(f"/g/demo/services/{name}/docs") for name in ("iris", "absent"))
    assert closed["Location"].replace("iris", "absent") == none["Location"]


def test_it_is_limited_alike_whether_there_is_one_or_not(browse, iris, settings):
    settings.OPEN_PAGE_RATE = "3/min"
    client = browse(None)
    assert [client.get(f"/s/demo/{name}/").status_code for name in ("iris", "absent", "iris")] == [200, 404, 200]
    refused = client.get("/s/demo/iris/")
    assert refused.status_code == 429 and 1 <= int(refused["Retry-After"]) <= 60
    again = said(client.get("/s/demo/absent/"))
    assert tuple(str(part).replace("/iris/", "/absent/") for part in said(refused)) == tuple(map(str, again))


@pytest.mark.parametrize(("proxies", "third"), [(0, 429), (1, 200)])
def test_behind_a_proxy_that_is_trusted_each_caller_has_a_limit_of_their_own(browse, iris, settings, proxies, third):
    """A caller may write what they like before the address that the proxy adds."""
    settings.OPEN_PAGE_RATE, settings.ALLAUTH_TRUSTED_PROXY_COUNT = "1/min", proxies
    client = browse(None)
    callers = [f"10.9.9.{number}, {address}" for number, address in enumerate(["192.0.2.1", "192.0.2.1", "192.0.2.2"])]
    assert [client.get("/s/demo/iris/", headers={"X-Forwarded-For": said}).status_code for said in callers] == [200, 429, third]
