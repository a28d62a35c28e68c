"""The pages speak the languages that are offered: catalogues hold what is marked, and a page is shown in one."""

from __future__ import annotations

import re

import pytest
from babel.messages.mofile import write_mo
from django.test import Client
from django.utils import translation
from django.utils.translation import trans_real

from portal import languages

PLACES = re.compile(r"%\(\w+\)[sd]|%\(\w+\)\.\df|%s|\{\w+\}|</?\w+")
CATALOGUES = sorted(languages.catalogues().items())


@pytest.fixture
def compiled():
    """What the installation does, so that the test does not depend on when it last ran."""
    for language, path in CATALOGUES:
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, languages.read(path, language))
    trans_real._translations.clear()
    yield
    trans_real._translations.clear()
    translation.activate("en")


@pytest.mark.parametrize(("language", "path"), CATALOGUES)
def test_a_catalogue_keeps_every_place_for_a_value(language, path):
    wrong = []
    for message in languages.read(path, language):
        if not message.id:
            continue
        source = message.id[-1] if isinstance(message.id, tuple) else message.id
        for text in message.string if isinstance(message.string, tuple) else (message.string,):
            if sorted(PLACES.findall(source)) != sorted(PLACES.findall(text)):
                wrong.append((source, text))
    assert wrong == []


@pytest.mark.parametrize(("language", "path"), CATALOGUES)
def test_marked_texts_are_translated(language, path):
    marked = sum(bool(message.id) for message in languages.marked())
    missing = languages.missing(language, path)
    assert marked > 700 and not missing, f"`make languages` brings the texts into {path}; these wait for their words: {missing}"


def test_a_page_is_shown_in_the_language_that_is_asked_for_or_chosen(compiled, group, owner):
    client = Client(headers={"Accept-Language": "zh-TW,zh;q=0.9"})
    client.force_login(owner)
    text = client.get("/g/demo/models/").content.decode()
    assert '<html lang="zh-hant"' in text and "稽核紀錄" in text and ">模型<" in text
    assert "Audit log" not in text
    assert client.post("/language", {"language": "en", "next": "/g/demo/models/"})["Location"] == "/g/demo/models/"
    assert "Audit log" in client.get("/g/demo/models/").content.decode()


def test_a_refusal_is_told_in_the_readers_language(compiled, group, owner):
    client = Client(headers={"Accept-Language": "zh-Hant"})
    client.force_login(owner)
    assert "請用 3 到 32 個字元" in client.post("/groups/new", {"name": "A"}).content.decode()
    refused = client.post("/api/v1/groups/demo/members/", {"person": "nobody", "role": "reader"}, "application/json")
    assert "這裡沒有人的名稱" in refused.json()["message"]
