"""How often a page asks the database: at most twelve times, however much there is; times are measured by `make bench-pages`."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.models import Following
from tests import factories
from tests.frontend import crowd

MOST = 12
OWN = {"profile": "/profile", "notifications": "/notifications", "help": "/help", "users": "/users", "system": "/system"}
CONTRIBUTED = {"new_group": "/groups/new", "api_docs": "/api/docs/", "start": "/"}


def dear(client, addresses: dict[str, str]) -> list[str]:
    """The pages that ask more often than MOST times, with the statements."""
    found = []
    for name, address in addresses.items():
        # A worker of the web server begins with nothing known.
        caches["moment"].clear()
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address)
        assert answer.status_code in (200, 302), (name, address, answer.status_code)
        if len(asked) > MOST:
            found.append(f"{name}, {address}: {len(asked)}\n  " + "\n  ".join(query["sql"][:160] for query in asked))
    return found


@pytest.fixture
def boss(owner):
    owner.is_superuser = True
    owner.save()
    return owner


def test_each_page_of_a_new_group(browse, addresses, boss):
    client = browse(boss)
    client.get("/g/demo/")
    found = dear(client, addresses | OWN | CONTRIBUTED)
    assert not found, "\n".join(found)


def test_each_page_of_a_group_with_a_year_of_work(browse, group, boss):
    addresses = {name: f"/g/demo/{path}" for name, path in crowd.fill(group, boss).items()}
    lists = [addresses[name] for name in ("models", "manifests", "images", "services", "environments", "operations", "audit")]
    addresses |= {f"{address} of a word": f"{address}?q=churn&size=100" for address in lists}
    addresses |= {
        "card": addresses["model"] + "?tab=card",
        "users": addresses["model"] + "?tab=used",
        "models by size, of a tag": addresses["models"] + "?sort=-size&tag=production",
        "metrics compared": addresses["service_metrics"] + "&compare=1",
        "compared with nothing": addresses["model"] + "/compare",
        "golden, edited": addresses["service_golden"] + "?edit=usual",
    }
    client = browse(boss)
    client.get("/g/demo/")
    found = dear(client, addresses | OWN)
    assert not found, "\n".join(found)


def test_a_service_that_follows_an_alias_and_has_no_schema(browse, group, boss, things):
    """The overview that asks for most: what it follows, and a request that people kept in the place of a sample."""
    factories.make_model_version(group, name="iris", files={"model.pkl": b"2"}, user=boss)
    alias = things.version.model.aliases.create(name="champion", version=things.version)
    Following.objects.create(service=things.service, alias=alias, created_by=boss)
    things.service.examples.create(name="usual", body="{}", shared=True, created_by=boss)
    pages = {page: f"/g/demo/services/iris/{page}" for page in ("", "settings", "follow", "try", "docs")}
    pages |= {"alias": "/g/demo/models/iris/", "versions": "/g/demo/models/iris/?tab=versions", "used": "/g/demo/models/iris/?tab=used"}
    client = browse(boss)
    client.get("/g/demo/")
    found = dear(client, pages)
    assert not found, "\n".join(found)
