"""How much memory and how many cores Spark's Java is given; the session itself is run by `make examples`."""

from __future__ import annotations

import pytest

from scoring import spark_session

QUIET = "--conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false"


@pytest.mark.parametrize(
    ("limit", "threads", "expected"),
    [
        (2048, "2", f"--master local[2] --driver-memory 1024m {QUIET} pyspark-shell"),
        (300, "1", f"--master local[1] --driver-memory 256m {QUIET} pyspark-shell"),
        (0, "", f"--master local[1] {QUIET} pyspark-shell"),
        (0, "0; rm", f"--master local[1] {QUIET} pyspark-shell"),
    ],
)
def test_what_java_is_told(limit, threads, expected):
    assert spark_session.arguments(limit, threads) == expected


def test_it_is_told_once_and_only_where_spark_is(monkeypatch):
    found = {"pyspark": None}
    monkeypatch.setattr(spark_session.importlib.util, "find_spec", found.get)
    nothing, said = {}, {spark_session.VARIABLE: "--driver-memory 3g pyspark-shell"}
    spark_session.settle(nothing)
    assert nothing == {}
    found["pyspark"] = object()
    spark_session.settle(said)
    assert said == {spark_session.VARIABLE: "--driver-memory 3g pyspark-shell"}
    spark_session.settle(nothing)
    assert nothing[spark_session.VARIABLE].startswith("--master local[1]") and nothing[spark_session.VARIABLE].endswith("pyspark-shell")
