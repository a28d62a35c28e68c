"""LightGBM boosters saved as text: everything that is needed stands in the first lines."""

from __future__ import annotations

import json

from registry.generating.files import ModelFiles
from registry.generating.recipe import Recipe, driver, is_table, quoted, table
from scoring.schema import Schema

MOST_READ = 2**20


def recognise(files: ModelFiles, path: str, sample: Schema | None) -> Recipe | None:
    if not files.head(path, 64).startswith((b"tree\nversion=", b"tree\r\nversion=")):
        return None
    said = dict(line.split("=", 1) for line in files.head(path, MOST_READ).decode("utf-8", "replace").splitlines()[:40] if "=" in line)
    names = said.get("feature_names", "").split()
    infos = said.get("feature_infos", "").split()
    words = _words(files.tail(path, 2**18))
    schema = sample or table(
        [(name, "int64" if _is_category(infos, place) and not words else "float64") for place, name in enumerate(names)]
    )
    notes = []
    if words:
        notes.append("The model was trained with category columns of pandas: run() must make them categories with the same words.")
    if said.get("objective", "").split(" ")[0] in ("binary", "multiclass", "multiclassova"):
        notes.append(f"The objective is {said['objective'].split(' ')[0]}: results are probabilities, as the booster gives them.")
    text = driver(
        what=f"the LightGBM booster {files.beside(path)}",
        imports=["import lightgbm"],
        init=[f"model = lightgbm.Booster(model_file={quoted(files.beside(path))})"],
        run=["return model.predict({data}).tolist()"],
        schema=schema,
    )
    return Recipe("LightGBM", text, ["lightgbm", *(["pandas"] if is_table(schema) else [])], schema, notes=notes)


def _is_category(infos: list[str], place: int) -> bool:
    return place < len(infos) and ":" in infos[place] and not infos[place].startswith("[")


def _words(tail: bytes) -> bool:
    """Does the file end with the categories of pandas' columns?"""
    for line in tail.splitlines()[::-1]:
        if line.startswith(b"pandas_categorical:"):
            try:
                return bool(json.loads(line.split(b":", 1)[1]))
            except ValueError:
                return False
    return False
