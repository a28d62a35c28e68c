"""XGBoost boosters saved by save_model(): JSON and UBJSON. Names stand before the trees, sizes after them; both ends are read."""

from __future__ import annotations

import json
import re
from typing import Any

from registry.generating.files import ModelFiles, Unreadable
from registry.generating.recipe import NO_SCHEMA, Recipe, array, driver, is_table, quoted, table
from scoring.schema import Schema

MOST_READ = 2**20
_JSON_START = re.compile(rb'\s*\{\s*"learner"\s*:')
_UBJ_START = b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{"
#: XGBoost's feature types -> dtypes
TYPES = {"float": "float64", "q": "float64", "int": "int64", "i": "bool", "c": "text"}


def recognise(files: ModelFiles, path: str, sample: Schema | None) -> Recipe | None:
    start = files.head(path, 64)
    if not _JSON_START.match(start) and not start.startswith(_UBJ_START):
        if path.lower().endswith(".bst") or start.startswith((b"binf", b"bs64")):
            raise Unreadable(
                f"{path} is in XGBoost's old binary format. Load it with the XGBoost it was made with and save_model('model.json')."
            )
        return None
    read = _Json if start.lstrip()[:2] != b"{L" else _Ubj
    head, tail = files.head(path, MOST_READ), files.tail(path, MOST_READ)
    names = [name for name in read.strings(head, "feature_names") if isinstance(name, str)]
    types = read.strings(head, "feature_types")
    count = read.text(tail, "num_feature") or read.text(head, "num_feature")
    objective = read.text(tail, "name") if b"objective" in tail else ""
    version = read.version(tail) or read.version(head)
    notes: list[str] = []
    if sample is not None:
        schema = sample
    elif names:
        kinds = [TYPES.get(types[place] if place < len(types) else "float", "float64") for place in range(len(names))]
        schema = table(list(zip(names, kinds, strict=True)))
    elif count.isdecimal() and 0 < int(count) <= 2000:
        schema = array([int(count)])
    else:
        schema = None
        notes.append(NO_SCHEMA)
    if "c" in types:
        notes.append("A column is categorical: run() must make it a category with the categories of the training.")
    if objective.startswith(("binary", "multi")):
        notes.append(f"The objective is {objective}: results are probabilities, as the booster gives them.")
    text = driver(
        what=f"the XGBoost booster {files.beside(path)}",
        imports=["import numpy", "import xgboost"] if not is_table(schema) else ["import xgboost"],
        init=[f"model = xgboost.Booster(model_file={quoted(files.beside(path))})"],
        run=[
            "rows = xgboost.DMatrix({data})" if is_table(schema) else "rows = xgboost.DMatrix(numpy.asarray({data}, dtype=float))",
            "return model.predict(rows).tolist()",
        ],
        schema=schema,
    )
    if names and not is_table(schema):
        text = text.replace("dtype=float))", f"dtype=float), feature_names={names!r})")
    lines = [f"xgboost-cpu>={version[0]},<{version[0] + 1}" if version and version[0] >= 3 else "xgboost-cpu"]
    return Recipe("XGBoost", text, [*lines, *(["pandas"] if is_table(schema) else [])], schema, notes=notes)


class _Json:
    """Values by their key, wherever it stands; a model of a gigabyte is not parsed as a whole."""

    @staticmethod
    def _after(data: bytes, key: str) -> Any:
        found = re.search(rb'"%s"\s*:\s*' % key.encode(), data)
        if not found:
            return None
        try:
            return json.JSONDecoder().raw_decode(data[found.end() :].decode("utf-8", "replace"))[0]
        except (ValueError, RecursionError):
            return None

    @classmethod
    def strings(cls, data: bytes, key: str) -> list[str]:
        found = cls._after(data, key)
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    @classmethod
    def text(cls, data: bytes, key: str) -> str:
        if key == "name":
            found = cls._after(data[data.rfind(b'"objective"') :], key)
        else:
            found = cls._after(data, key)
        return found if isinstance(found, str) else ""

    @classmethod
    def version(cls, data: bytes) -> list[int]:
        found = cls._after(data[data.rfind(b'"version"') :], "version") if b'"version"' in data else None
        return found if isinstance(found, list) and found and all(type(each) is int for each in found) else []


class _Ubj:
    """The same in UBJSON, as XGBoost writes it: lengths are `L` and eight bytes, lists of text `[#L` and their count."""

    @staticmethod
    def _place(data: bytes, key: str) -> int:
        sign = b"L" + len(key).to_bytes(8, "big") + key.encode()
        found = data.rfind(sign)
        return found + len(sign) if found >= 0 else -1

    @classmethod
    def strings(cls, data: bytes, key: str) -> list[str]:
        place = cls._place(data, key)
        if place < 0 or data[place : place + 3] != b"[#L":
            return []
        count, place, found = int.from_bytes(data[place + 3 : place + 11], "big"), place + 11, []
        for _ in range(min(count, 100_000)):
            if data[place : place + 2] != b"SL":
                break
            length = int.from_bytes(data[place + 2 : place + 10], "big")
            found.append(data[place + 10 : place + 10 + length].decode("utf-8", "replace"))
            place += 10 + length
        return found

    @classmethod
    def text(cls, data: bytes, key: str) -> str:
        if key == "name":
            data = data[max(0, data.rfind(b"objective")) :]
        place = cls._place(data, key)
        if place < 0 or data[place : place + 2] != b"SL":
            return ""
        length = int.from_bytes(data[place + 2 : place + 10], "big")
        return data[place + 10 : place + 10 + min(length, 200)].decode("utf-8", "replace")

    @classmethod
    def version(cls, data: bytes) -> list[int]:
        place = cls._place(data, "version")
        found = (
            re.match(rb"\[#L.{8}((?:i.|U.|I..|l....){1,3})|\[((?:i.|U.|I..|l....){1,3})", data[place:], re.DOTALL) if place >= 0 else None
        )
        numbers = found and re.findall(rb"(?:i|U)(.)|I(..)|l(....)", found[1] or found[2], re.DOTALL)
        return [int.from_bytes(a or b or c, "big") for a, b, c in numbers] if numbers else []
