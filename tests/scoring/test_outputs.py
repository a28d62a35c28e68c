"""Whatever run() returns leaves as JSON."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import json
import pathlib
import sys
import types

import numpy
import pandas
import pytest

from scoring import outputs

Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, None),
        (numpy.float64(1.5), 1.5),
        (numpy.int64(3), 3),
        (numpy.bool_(True), True),
        (numpy.str_("x"), "x"),
        (numpy.array([[1.0, numpy.nan], [numpy.inf, 2]]), [[1.0, None], [None, 2.0]]),
        (numpy.array(["a", "b"]), ["a", "b"]),
        (numpy.array(["2020-01-31", "NaT"], dtype="datetime64[D]"), ["2020-01-31", None]),
        (numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]), [{"a": 1, "b": 2.5}]),
        (float("nan"), None),
        ({"a": float("inf"), "b": (1, {2})}, {"a": None, "b": [1, [2]]}),
        ({2: "a", None: "b", True: "c", numpy.int64(7): "d"}, {"2": "a", "true": "c", "null": "b", "7": "d"}),
        (Pair(1, 2), [1, 2]),
        ({(1, "x"): 2}, {"(1, 'x')": 2}),
        (numpy.array([1.5], dtype=numpy.longdouble), [1.5]),
        (b"ab", "YWI="),
        (datetime.date(2020, 1, 31), "2020-01-31"),
        (pandas.Timestamp("2020-01-31 12:00"), "2020-01-31T12:00:00"),
        (decimal.Decimal("1.5"), "1.5"),
        (fractions.Fraction(3, 2), 1.5),
        (pathlib.Path("a/b"), "a/b"),
        (pandas.Series(pandas.period_range("2020-01", periods=2, freq="M")), ["2020-01", "2020-02"]),
        ({"in": pandas.Interval(0, 1)}, {"in": "(0, 1]"}),
        (10**30, 10**30),
        ("Iris-setosa", "Iris-setosa"),
        ('["Iris-setosa"]', ["Iris-setosa"]),
        ('"Iris-setosa"', "Iris-setosa"),
        ('{"a": NaN}', {"a": None}),
        ("NaN", "NaN"),
        ("[" * 100_000, "[" * 100_000),
        ("\ud800", "\ud800"),
        (pandas.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pandas.DataFrame({"a": pandas.array([1, None], dtype="Int64")}), [{"a": 1}, {"a": None}]),
        (pandas.Series([1.0, None]), [1.0, None]),
        (pandas.DataFrame({"t": pandas.to_datetime(["2020-01-31", None])}), [{"t": "2020-01-31T00:00:00"}, {"t": None}]),
    ],
)
def test_results(result, expected):
    assert json.loads(outputs.encode(result)) == expected


def counted(*, broken: bool = False):
    yield numpy.int64(1)
    if broken:
        raise ValueError("late")
    yield 10**30


def test_what_can_be_read_once_is_read_once():
    assert json.loads(outputs.encode(counted())) == [1, 10**30]
    assert json.loads(outputs.encode({"a": counted(), 10**30: 2})) == {"a": [1, 10**30], str(10**30): 2}
    for result in (counted(broken=True), {"a": [counted(broken=True)]}):
        with pytest.raises(ValueError, match="late"):
            outputs.encode(result)


class Row(tuple):
    """As pyspark.sql.types.Row: a tuple, with the names of its fields if it has any."""

    def asDict(self):
        return dict(zip(self.__fields__, self, strict=True))


def row(**fields):
    made = Row(fields.values())
    made.__fields__ = list(fields)
    return made


def test_rows_of_spark_keep_their_names(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", types.ModuleType("pyspark"))
    rows = [row(word="a", count=3), row(word="b", inner=row(c=[row(d=1)])), Row([1, 2])]
    assert json.loads(outputs.encode(rows)) == [{"word": "a", "count": 3}, {"word": "b", "inner": {"c": [{"d": 1}]}}, [1, 2]]
    assert json.loads(outputs.encode({"top": rows[0]})) == {"top": {"word": "a", "count": 3}}
    with pytest.raises(outputs.NotJson):
        outputs.encode(looped())


def test_text_that_is_json_is_sent_as_it_is():
    assert outputs.encode('{"b": 1,  "a": 2}') == b'{"b": 1,  "a": 2}'


def test_sparse_matrices_are_written_in_full():
    sparse = pytest.importorskip("scipy.sparse")
    assert json.loads(outputs.encode({"a": sparse.csr_matrix([[1.0, 0], [0, 2]])})) == {"a": [[1.0, 0.0], [0.0, 2.0]]}


def looped():
    out: list = []
    out.append(out)
    return out


@pytest.mark.parametrize("result", [object(), 1j, len, int, looped(), {"a": object()}, [numpy.array([1j])]])
def test_what_has_no_form_in_json(result):
    with pytest.raises(outputs.NotJson):
        outputs.encode(result)
