"""How much memory and how many cores Spark's Java is given; the session itself is run by `make examples`."""

from __future__ import annotations

import pytest

from scoring import spark_session


@pytest.mark.parametrize(
    ("limit", "threads", "expected"),
    [
        (2048, "2", "--master local[2] --driver-memory 1024m --conf spark.ui.enabled=false pyspark-shell"),
        (300, "1", "--master local[1] --driver-memory 256m --conf spark.ui.enabled=false pyspark-shell"),
        (0, "", "--master local[1] --conf spark.ui.enabled=false pyspark-shell"),
        (0, "0; rm", "--master local[1] --conf spark.ui.enabled=false pyspark-shell"),
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
