"""Sentences written by workers are said again in the language of whoever reads them."""

from __future__ import annotations

import json
import pickle

from django.utils.translation import override

from portal.errors import Unavailable
from portal.told import in_words, kept, one_of, together, told


def through_json(sentence: str) -> dict | str:
    return json.loads(json.dumps(kept(sentence)))


def test_english_where_it_is_written_and_the_readers_language_where_it_is_read():
    sentence = together(told("There is no package called `%(name)s`.", name="100%-pure"), told("Check its spelling."))
    assert sentence == "There is no package called `100%-pure`. Check its spelling."
    stored = through_json(sentence)
    assert in_words(stored) == in_words(sentence) == sentence
    with override("zh-hant"):
        assert in_words(stored) == in_words(sentence) == "沒有名為 `100%-pure` 的套件。 請檢查拼字。"


def test_a_part_that_is_a_sentence_of_its_own_is_said_too():
    error = Unavailable(told("The package index"), "dns error")
    assert error.message == str(error) == "The package index did not answer: dns error"
    with override("zh-hant"):
        assert error.message == in_words(through_json(error.told)) == "套件索引沒有回應：dns error"
    assert str(error) == "The package index did not answer: dns error", "logs stay English"


def test_what_was_not_told_stays_as_it_is():
    assert kept("plain, 5% of it") == in_words("plain, 5% of it") == "plain, 5% of it"
    assert in_words(None) == "" and together("", "one", "") == "one"
    with override("zh-hant"):
        assert in_words(through_json(together(told("Trying again."), "Traceback: 5%", between="\n"))) == "正在重試。\nTraceback: 5%"


def test_a_text_of_another_release_is_said_in_english():
    with override("zh-hant"):
        assert in_words({"text": "Once there was %(what)s.", "values": {"what": "this"}}) == "Once there was this."


def test_it_can_be_copied_with_what_it_knows():
    sentence = told("Check its spelling.")
    assert pickle.loads(pickle.dumps(sentence)).kept == sentence.kept


def test_some_of_them():
    assert [one_of(names) for names in (["3.11"], ["3.11", "3.12"], ["3.10", "3.11", "3.12"])] == [
        "3.11",
        "3.11 or 3.12",
        "3.10, 3.11 or 3.12",
    ]
