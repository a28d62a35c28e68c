"""score.py is understood without being run, and what is wrong with it is said with its line."""

from __future__ import annotations

import pytest

from scoring import driver, schema

IRIS = schema.Schema({"input_df": schema.Pandas([("age", "int64")])})


def inspect(source):
    return driver.inspect_source(source if isinstance(source, bytes) else source.encode())


def test_nothing_is_executed(tmp_path):
    info = inspect(f"open({str(tmp_path / 'ran')!r}, 'w')\ndef init(): pass\ndef run(input_df): pass\n")
    assert info.init and info.run and not info.errors
    assert [each.name for each in info.arguments] == ["input_df"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def init(): pass\n", "no function run()"),
        ("def run(x): pass\n", "no function init()"),
        ("", "no function init()"),
        ("def init(:\n", "line 1 is not Python"),
        ("def init(): pass\n\nx = = 1\n", "line 3 is not Python"),
        (b"\x00", "is not Python"),
        (b"\xff\xfe\xfa", "is not Python"),
        ("(" * 10_000, "is not Python"),
        ("x = " + "-" * 50_000 + "1", "is not Python"),
        ("def init(a): pass\ndef run(x): pass", "line 1: init() is called without arguments, it asks for `a`"),
        (b"#" * (1024 * 1024 + 1), "larger than 1 MiB"),
    ],
)
def test_what_is_wrong_is_said(source, says):
    assert says in " ".join(each.message for each in inspect(source).errors)


@pytest.mark.parametrize(
    "source",
    [
        "from other import init, run\n",
        "from other import *\n",
        "try:\n    import x\nexcept ImportError:\n    pass\ndef init(): pass\nif True:\n    def run(a): pass\n",
        "init = lambda: None\nrun = print\n",
        "async def init(): pass\nasync def run(a): pass\n",
        b"# -*- coding: latin-1 -*-\nname = '\xe9'\ndef init(): pass\ndef run(a): pass\n",
    ],
)
def test_ways_of_having_init_and_run(source):
    info = inspect(source)
    assert info.init and info.run and not info.errors


@pytest.mark.parametrize(
    ("run", "found"),
    [
        ("def run(input_df): pass", []),
        ("def run(input_df, more=1): pass", []),
        ("def run(**kwargs): pass", []),
        ("def run(data): pass", ["score.py line 2: run() takes `data`, the schema calls its input `input_df`."]),
        ("def run(): pass", ["score.py line 2: run() does not take `input_df`, which the schema has."]),
        ("def run(input_df, other): pass", ["score.py line 2: run() takes `other`, which the schema does not have."]),
        (
            "def run(input_df, /): pass",
            ["score.py line 2: run() takes `input_df` by position only; the schema's inputs are given by name."],
        ),
        (
            "def run(input_fd=None): pass",
            ['score.py line 2: run() does not take `input_df`, which the schema has. Did you mean "input_fd"?'],
        ),
        ("def run(*, input_df): pass", []),
    ],
)
def test_arguments_against_the_schema(run, found):
    info = inspect(f"def init(): pass\n{run}\n")
    problems = driver.check_arguments(info, IRIS)
    assert problems[: len(found)] == found
    assert bool(problems) == bool(found)


def test_arguments_without_a_schema():
    info = inspect("def init(): pass\n\ndef run(a, b): pass\n")
    assert driver.check_arguments(info, None) == [
        "score.py line 3: run() takes `a` and `b`; without a schema it is called with the body as its only argument."
    ]
    assert driver.check_arguments(inspect("def init(): pass\ndef run(body, more=1): pass"), None) == []


@pytest.mark.parametrize("run", ["def run(**names): pass", "def run(*, data): pass", "def run(*, data=1, request_headers): pass"])
def test_a_body_needs_a_place(run):
    problems = driver.check_arguments(inspect(f"def init(): pass\n{run}\n"), None)
    assert problems == ["score.py line 2: run() has no argument for the body, which it is given by position: write run(raw_data)."]
