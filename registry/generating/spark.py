"""Folders of Spark's PipelineModel: each stage describes itself in a line of JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from registry.generating.files import ModelFiles
from registry.generating.recipe import TABLE, Recipe, driver, quoted, table
from scoring.schema import Schema

METADATA = re.compile(r"(?:stages/(\d+)_[^/]+/)?metadata/part-00000[^/]*")
#: how the inputs of text are named in a stage's parameters
_OF_TEXT = ("StringIndexerModel", "Tokenizer", "RegexTokenizer", "StringIndexer")
NO_INPUTS = "The columns of the input do not stand in the folder; the schema has the column `features` only. Give a sample request."

LABELS = (
    "What {} may hold stands in the folder in binary files, which are not read here, and a value that the model has never seen "
    "fails: give a sample request with one that it knows, or the image's first try may fail."
)


def recognise(files: ModelFiles, sample: Schema | None) -> Recipe | None:
    stages = []
    for path in files.sizes:
        if found := METADATA.fullmatch(path):
            stages.append((int(found[1]) if found[1] else -1, _said(files.text(path))))
    described = [said for _, said in sorted(stages, key=lambda stage: stage[0]) if said]
    if not described or not str(described[0].get("class", "")).endswith(".PipelineModel"):
        return None
    columns = _columns(described[1:])
    schema = sample or table(
        columns or [("features", "float64")], {name: "a" for name, dtype in columns if dtype == "text"}, argument=TABLE
    )
    version = str(described[0].get("sparkVersion", ""))
    notes = [] if columns or sample else [NO_INPUTS]
    texts = [name for name, dtype in columns if dtype == "text"]
    if texts and not sample:
        notes.append(LABELS.format(", ".join(texts)))
    notes.append("Each replica starts a Java machine: give it at least 1.5 GiB of memory.")
    text = driver(
        what=f"the Spark pipeline {files.root}",
        imports=["import os", "from pyspark.ml import PipelineModel", "from pyspark.sql import SparkSession"],
        init=[
            'spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()',
            f'model = PipelineModel.load("file://" + os.path.abspath({quoted(files.root)}))',
        ],
        run=[
            "found = model.transform(spark.createDataFrame({data}))",
            'return [row["prediction"] for row in found.select("prediction").collect()]',
        ],
        schema=schema,
        keeps="spark, model",
    )
    if re.fullmatch(r"\d+\.\d+\.\d+", version):
        notes.append(f"It was saved by Spark {version}; the Spark of the runtime loads it when it is the same or newer.")
    # The runtime brings pyspark, in the one release that its base image has; that release wants an older pandas.
    return Recipe("Spark", text, ["numpy", "pandas<3"], schema, runtime="spark-py", notes=notes)


def _said(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text.splitlines()[0]) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _columns(stages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Columns that a stage reads and no earlier one has made."""
    made: set[str] = set()
    found: dict[str, str] = {}
    for stage in stages:
        params = {**stage.get("defaultParamMap", {}), **stage.get("paramMap", {})} if isinstance(stage.get("paramMap"), dict) else {}
        kind = str(stage.get("class", "")).rsplit(".", 1)[-1]
        read = params.get("inputCols") or [params.get("inputCol") or ""]
        for name in read if isinstance(read, list) else []:
            if isinstance(name, str) and name and name not in made:
                found.setdefault(name, "text" if kind in _OF_TEXT else "float64")
        for key in ("outputCol", "predictionCol", "probabilityCol", "rawPredictionCol"):
            if isinstance(params.get(key), str):
                made.add(params[key])
        made.update(name for name in params.get("outputCols") or [] if isinstance(name, str))
    return list(found.items())
