"""A probe's verdict is written by other people's code: what is kept of it can be kept in every database."""

from __future__ import annotations

import json

import pytest

from deployments.builds.builders.probing import LONGEST_MESSAGE, ProbeReader
from registry.models import Image


def read(verdict: str, code: int = 0):
    reader = ProbeReader(lambda line: None)
    reader.stdout(f"MODELPORT-PROBE {verdict}\n".encode())
    return reader.result(code=code)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("NaN", None),
        ("[-Infinity, 1e999, 1.5]", [None, None, 1.5]),
        (r'{"a\u0000b": "\ud800"}', {"a b": "?"}),
        ("[" * 300 + "]" * 300, 50),
        ('{"class": "setosa"}', {"class": "setosa"}),
    ],
)
def test_an_answer_is_kept_as_json_that_every_database_takes(said, kept):
    probe = read(f'{{"ok": true, "sample_result": {said}, "details": {{"seconds": {said}}}}}')
    assert probe.ok
    text = json.dumps([probe.sample_result, dict(probe.details)], allow_nan=False)
    assert "\\u0000" not in text and "\\ud800" not in text
    if isinstance(kept, int):
        assert text.count("[") < 2 * kept + 5
    else:
        assert probe.sample_result == kept


def test_a_message_is_bounded():
    assert len(read(json.dumps({"ok": False, "message": "x" * 10**6}), code=3).message) == LONGEST_MESSAGE


def test_what_a_probe_says_of_shared_calls_may_be_anything():
    assert [Image(probe={"batching": said}).shares_calls for said in ("rows", ["rows"], {"verdict": "rows"}, None)] == [
        False,
        False,
        True,
        False,
    ]
