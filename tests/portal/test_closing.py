"""The call that is printed last, and the file that keeps it."""

from __future__ import annotations

import json
import shlex

import pytest

from portal.supervisor.closing import Quickstart

KEPT = Quickstart("demo/iris", "mp_abcdefghijkl_secret", json.dumps({"input_df": [{"it's wide": 3.0}]}))


@pytest.fixture(autouse=True)
def data(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.GATEWAY_URL, settings.PORTAL_URL = "http://127.0.0.1:8091", "http://127.0.0.1:8090"
    return tmp_path


def test_it_is_kept_for_later_starts_and_for_its_owner_alone(data):
    assert Quickstart.load() is None
    KEPT.save()
    assert Quickstart.load() == KEPT
    assert (data / "quickstart.env").stat().st_mode & 0o777 == 0o600


def test_the_call_survives_a_shell_and_follows_the_ports(settings):
    words = shlex.split(KEPT.curl())
    assert words[:3] == ["curl", "-sS", "http://127.0.0.1:8091/demo/iris/score"]
    assert f"Authorization: Bearer {KEPT.key}" in words
    assert json.loads(words[words.index("-d") + 1]) == {"input_df": [{"it's wide": 3.0}]}
    assert "\n" not in KEPT.curl()
    settings.GATEWAY_URL = "https://models.example.org"
    assert "https://models.example.org/demo/iris/score" in KEPT.curl()


def test_its_pages_are_pages_of_the_portal(client):
    from urllib.parse import urlsplit

    from django.urls import resolve

    assert {resolve(urlsplit(url).path).url_name for url in (KEPT.page_url, KEPT.swagger_url)} == {"service", "service_docs"}


@pytest.mark.parametrize("text", ["", "MODELPORT_DEMO_KEY=one\n", "MODELPORT_DEMO_SERVICE='unclosed\n", "\0"])
def test_a_file_that_was_damaged_counts_as_none(data, text):
    (data / "quickstart.env").write_text(text)
    assert Quickstart.load() is None


def test_a_deleted_demo_leaves_a_file_that_offers_no_call(data):
    KEPT.save()
    Quickstart.forget()
    assert Quickstart.load() is None
    assert (data / "quickstart.env").exists()
