"""Every page, as everybody: who sees it, who does not, and what each one says."""

from __future__ import annotations

import errno
import re

import pytest
from django.db import OperationalError
from django.urls import resolve

from deployments.models import Revision
from frontend import urls
from portal.accounts.permissions import Role
from tests import factories

OWN_PAGES = ["/", "/profile", "/groups/new", "/help", "/api/docs/", "/notifications"]


@pytest.mark.parametrize("role", ["owner", "contributor", "reader"])
def test_members_see_every_page(role, request, browse, addresses):
    client = browse(request.getfixturevalue(role))
    for name, address in addresses.items():
        answer = client.get(address)
        assert answer.status_code == 200, (name, address)


#: addresses that answer GET and are a part of a page, a file, outside groups, or need more than one of everything (and are tested with that)
NO_PAGES = {
    *("operation_stream", "operation_lines", "operation_find", "find_models", "model_name_check", "model_picture"),
    *("download_collected", "service_logs_download"),
    *(
        "setup",
        "start",
        "theme",
        "search_anywhere",
        "system",
        "users",
        "remove_second_factor",
        "open_service",
        "open_docs",
        "open_openapi",
        "open_swagger",
    ),
    *("collected_day", "delete_collected", "compare_manifests", "deploying", "service_golden", "several"),
}


def test_no_page_is_forgotten_by_these_tests(addresses):
    visited = {resolve(address.partition("?")[0]).url_name for address in [*addresses.values(), *OWN_PAGES]}
    missing = set()
    for pattern in urls.urlpatterns:
        view = getattr(pattern.callback, "view_class", None)
        if getattr(view, "http_method_names", None) != ["post"] and pattern.name not in NO_PAGES:
            missing |= {pattern.name} - visited
    assert missing == set()


def test_strangers_and_the_anonymous_see_none(browse, addresses, stranger):
    for name, address in addresses.items():
        assert browse(stranger).get(address).status_code == 404, name
        answer = browse(None).get(address)
        assert answer.status_code == 302 and answer["Location"].startswith("/accounts/login/"), name


def test_a_group_of_others_looks_like_none_at_all(browse, addresses, stranger):
    there, not_there = (browse(stranger).get(address) for address in ("/g/demo/", "/g/nowhere/"))
    words = [
        re.sub(r"<code id=\"reference\">.*?</code>|nonce=\".*?\"|csrf.*?>|value=\".*?\"", "", answer.content.decode())
        for answer in (there, not_there)
    ]
    assert there.status_code == not_there.status_code == 404
    assert words[0] == words[1]


@pytest.mark.parametrize("address", OWN_PAGES)
def test_pages_of_ones_own(address, browse, things, owner):
    assert browse(owner).get(address, follow=True).status_code == 200


def test_pages_have_one_heading_a_title_a_skip_link_and_no_script_without_a_nonce(browse, addresses, owner):
    client = browse(owner)
    for name, address in addresses.items():
        answer = client.get(address)
        if not answer["Content-Type"].startswith("text/html") or name == "running":  # a piece of each page
            continue
        text = answer.content.decode()
        assert text.count("<h1") == 1, name
        assert re.search(r"<title>\S", text), name
        assert 'href="#main"' in text and 'id="main"' in text, name
        nonce = re.search(r"'nonce-([^']+)'", answer["Content-Security-Policy"])[1]
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script or f'nonce="{nonce}"' in script or 'type="application/json"' in script, (name, script)
        assert not re.search(r"\son[a-z]+=", re.sub(r"<(pre|code).*?</\1>", "", text, flags=re.S)), name
        assert "<c-" not in text and "{%" not in text, name


def test_readers_are_told_why_a_button_is_off(browse, addresses, reader):
    client = browse(reader)
    for name, role in (("models", "Contributor"), ("services", "Contributor"), ("environments", "Owner"), ("members", "Owner")):
        text = client.get(addresses[name]).content.decode()
        assert 'aria-disabled="true"' in text and f"Your role here is Reader. This needs {role}. Owners: owner." in text, name


def test_owners_have_the_buttons(browse, addresses, owner):
    assert b'href="/g/demo/models/new"' in browse(owner).get(addresses["models"]).content
    assert b"aria-disabled" not in browse(owner).get(addresses["models"]).content


def test_empty_lists_say_what_the_thing_is(browse, group, owner):
    client = browse(owner)
    for noun in ("models", "manifests", "images", "services", "environments", "operations"):
        text = client.get(f"/g/demo/{noun}/").content.decode()
        assert 'class="blank"' in text, noun
        assert "<table" not in text, noun
    assert "Nothing matches" not in client.get("/g/demo/models/").content.decode()


def test_a_filter_without_a_match_can_be_cleared(browse, addresses, owner):
    text = browse(owner).get(addresses["models"] + "?q=nothing-like-it").content.decode()
    assert "Nothing matches this filter" in text and "Clear filters" in text


def test_filters_narrow_and_sorting_sorts(browse, group, things, owner):
    factories.make_model_version(group, name="other", files={"b.bin": b"x" * 9})
    text = browse(owner).get("/g/demo/models/?q=other").content.decode()
    assert "other:1" in text and "iris:1" not in text
    assert "iris:1" not in browse(owner).get("/g/demo/models/?tag=none").content.decode()
    ordered = browse(owner).get("/g/demo/models/?sort=name").content.decode()
    assert ordered.index("iris:1") < ordered.index("other:1")
    assert 'aria-sort="ascending"' in ordered


def test_lists_page_and_cost_few_queries(browse, group, things, owner, django_assert_max_num_queries):
    for number in range(30):
        factories.make_model_version(group, name="many", files={"a": str(number).encode()}, user=owner)
        factories.make_operation(group, label=f"iris:{number + 10}", created_by=owner)
        factories.make_service(group, name=f"service-{number}", image=things.image, environment=things.environment)
        factories.make_image(group, name="many", manifest=things.manifest, user=owner)
        factories.make_manifest(group, name="many", models=[things.version], user=owner)
    client = browse(owner)
    for noun in ("models", "manifests", "images", "services", "environments", "operations"):
        client.get(f"/g/demo/{noun}/")
        with django_assert_max_num_queries(12):
            answer = client.get(f"/g/demo/{noun}/")
        if noun != "environments":
            assert b'rel="next"' in answer.content, noun
            assert client.get(f"/g/demo/{noun}/?page=2&size=50").status_code == 200
    with django_assert_max_num_queries(30):
        client.get("/g/demo/")


def test_every_revision_is_in_the_history_and_can_be_gone_back_to(browse, client_for, things, owner):
    service, image = things.service, things.image
    service.revisions.update(state="Retired")
    for number, state in ((2, "Failed"), (3, "Retired"), (4, "Serving")):
        Revision.objects.create(service=service, number=number, image=image, cpu=1, memory=2**30, state=state)
    text = browse(owner).get("/g/demo/services/iris/history").content.decode()
    assert text.count("Roll back to this") == 2 and text.count('data-label="Revision"') == 4
    assert browse(owner).get("/g/demo/services/iris/history/1/roll-back").status_code == 200
    listed = client_for(owner).get("/api/v1/groups/demo/services/iris/revisions/?count=3").json()
    assert [row["number"] for row in listed["value"]] == [4, 3, 2]
    assert [row["number"] for row in client_for(owner).get(listed["nextLink"]).json()["value"]] == [1]


def test_an_unknown_page_number_shows_the_last_page(browse, addresses, owner):
    for page in ("999", "x", "-1"):
        assert browse(owner).get(addresses["models"] + f"?page={page}").status_code == 200


def test_names_of_other_things_do_not_clash_with_words_in_addresses(browse, group, owner):
    """A model may be called new."""
    factories.make_model_version(group, name="new", user=owner)
    client = browse(owner)
    assert client.get("/g/demo/models/new").context["title"] == "Register a model"
    assert client.get("/g/demo/models/new/").context["title"] == "new"


def test_user_text_is_never_markup(browse, group, owner):
    evil = "<script>alert(1)</script>"
    factories.make_model_version(group, user=owner, description=evil, tags=["<b>x</b>"])
    for address in ("/g/demo/models/", "/g/demo/models/iris:1", "/g/demo/"):
        assert evil.encode() not in browse(owner).get(address).content
        assert b"<b>x</b>" not in browse(owner).get(address).content


def test_the_theme_is_kept_in_a_cookie_and_painted_first(browse, owner, things):
    client = browse(owner)
    answer = client.post("/theme", {"theme": "dark", "next": "/g/demo/"})
    assert answer["Location"] == "/g/demo/"
    assert 'data-bs-theme="dark"' in client.get("/g/demo/").content.decode()
    assert client.post("/theme", {"theme": "dark", "next": "https://evil.example"})["Location"] == "/"


def test_errors_are_pages_with_a_reference_and_json_below_api(browse, owner, things):
    answer = browse(owner).get("/g/demo/models/none:7")
    assert answer.status_code == 404
    assert answer["X-Request-Id"] in answer.content.decode()
    assert browse(owner).get("/api/v1/nothing").json()["code"] == "NotFound"
    strict = browse(owner, enforce_csrf_checks=True).post("/g/demo/services/iris/stop")
    assert strict.status_code == 403 and b"expired" in strict.content


def test_a_fault_of_ours_keeps_its_words_to_itself(browse, owner, things, monkeypatch):
    def broken(*args):
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("frontend.views.home.HomeView.get_context_data", broken)
    client = browse(owner, raise_request_exception=False)
    answer = client.get("/g/demo/")
    assert answer.status_code == 500
    assert b"a secret detail" not in answer.content and answer["X-Request-Id"].encode() in answer.content


def test_the_swagger_pages_alone_may_reach_the_gateway(browse, addresses, owner, settings):
    def connect(address: str) -> str:
        policy = browse(owner).get(address)["Content-Security-Policy"]
        return next(part for part in policy.split("; ") if part.startswith("connect-src"))

    assert connect(addresses["service_docs"]) == f"connect-src 'self' {settings.GATEWAY_URL}"
    assert connect(addresses["service"]) == connect("/api/docs/") == "connect-src 'self'"


def test_the_start_leads_on(browse, group, owner, stranger, things):
    assert browse(owner).get("/")["Location"] == "/g/demo/"
    assert b"You are in no resource group yet" in browse(stranger).get("/").content
    other = factories.make_group("other")
    other.memberships.create(user=owner, role=Role.READER)
    assert b'href="/g/other/"' in browse(owner).get("/").content


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), OperationalError("database or disk is full")])
def test_a_full_disk_is_said(browse, owner, things, monkeypatch, error):
    def full(*args, **words):
        raise error

    monkeypatch.setattr("frontend.views.home.HomeView.get_context_data", full)
    monkeypatch.setattr("rest_framework.generics.GenericAPIView.filter_queryset", full)
    client = browse(owner, raise_request_exception=False)
    page, rest = client.get("/g/demo/"), client.get("/api/v1/groups/demo/models/")
    assert (page.status_code, rest.status_code, rest.json()["code"]) == (507, 507, "InsufficientStorage")
    assert b"make room" in page.content and "make room" in rest.json()["message"]
