"""The portal's OpenAPI document is valid and complete; no address is open that should not be."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from openapi_spec_validator import validate

from tests import factories

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict:
    out = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn", stdout=out)
    return json.loads(out.getvalue())


def operations(document: dict) -> list[tuple[str, str, dict]]:
    return [
        (method.upper(), path, found) for path, item in document["paths"].items() for method, found in item.items() if method in METHODS
    ]


def test_the_document_is_valid(document):
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_route_has_a_summary_and_its_errors(document):
    for method, path, operation in operations(document):
        assert operation.get("summary"), f"{method} {path} has no summary"
        for status in ("400", "401", "403", "404"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Error"}, f"{method} {path} {status}"


def test_no_two_operations_have_one_id(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


@pytest.mark.django_db
def test_a_list_comes_in_pages_where_the_document_says_so(document, group, owner, client_for):
    factories.make_service(group, name="iris")
    wrong, lists = [], 0
    for method, path, operation in operations(document):
        said = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        paged, whole = "/Paginated" in said.get("$ref", ""), said.get("type") == "array"
        if method != "GET" or not (paged or whole):
            continue
        answer = client_for(owner).get(path.format(group="demo", name="iris"))
        assert answer.status_code == 200, path
        lists += 1
        wrong += [path] if isinstance(answer.json(), list) == paged else []
    assert not wrong and lists > 15


@pytest.mark.django_db
def test_the_document_is_served():
    answer = Client().get("/api/openapi.json")
    assert answer.status_code in (200, 401, 302)
    if answer.status_code == 200:
        assert "Modelport" in answer.content.decode()


# --- every address ------------------------------------------------------------------------------

#: open to everybody, and why
PUBLIC = [
    r"healthz",  # the supervisor asks it
    r"favicon\.ico",
    r"accounts/(login|logout|signup|inactive|confirm-email|password/reset|reauthenticate|email|password|3rdparty|social|2fa|sessions)",  # allauth's own, which guard themselves
    r"api/openapi\.json",  # says what the API is, holds no data
    r"help",  # words about the product, the same for everybody
    r"setup/",  # guarded by the one-time link
]


def addresses(patterns=None, prefix: str = "") -> list[str]:
    """Every route as an address, with parameters filled in."""
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        part = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += addresses(pattern.url_patterns, part)
        elif isinstance(pattern, URLPattern):
            found.append(part)
    return found


def filled(route: str) -> str:
    samples = {
        "group": "demo",
        "id": "iris:1",
        "said": "iris:1",
        "path": "model.pkl",
        "slot": "primary",
        "order": "1",
        "int": "1",
        "number": "1",
    }

    def value(match: re.Match) -> str:
        kind, _, name = match[1].rpartition(":")
        return samples.get(name) or ("1" if kind == "int" else "00000000-0000-4000-8000-000000000000" if kind == "uuid" else "iris")

    plain = re.sub(r"<([^>]+)>", value, route)
    return "/" + re.sub(r"\(\?P<\w+>[^)]*\)|[\^$\\]|\\Z", lambda match: "x" if match[0].startswith("(") else "", plain)


GUARDED = sorted({route for route in addresses() if not any(re.match(public, route) for public in PUBLIC)})


def test_there_are_addresses():
    assert len(GUARDED) > 40


@pytest.mark.django_db
@pytest.mark.parametrize("route", GUARDED)
def test_an_anonymous_visitor_gets_nothing(group, route):
    """Not even from a group that exists and a model that exists."""
    factories.make_model_version(group, name="canary")
    client = Client()
    for method in ("get", "post", "put", "patch", "delete"):
        answer = getattr(client, method)(filled(route))
        assert answer.status_code in (302, 401, 403, 404, 405), f"{method.upper()} {filled(route)} answered {answer.status_code}"
        if method == "get":
            assert answer.status_code in (302, 401, 404, 405), f"GET {filled(route)} answered {answer.status_code}"
        assert b"canary" not in answer.content
