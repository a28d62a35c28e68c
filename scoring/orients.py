"""Tables in pandas' other JSON layouts ("split", "index", "columns", "values", "table"), read like rows: each cell checked in its place."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .decorated import Reader
from .schema import Pandas, Type
from .values import Faults, Wrong, escape, said

#: the pointer of a column's cell in one row, the row's cells by name, its label in the index
Row = Tuple[Callable[[str], str], Dict[str, Any], Any]


class Oriented(Reader):
    """`table` says the columns; `make(table, columns)` is `inputs.build_one`."""

    def __init__(self, table: Pandas, orient: str, sample: Any, make: Callable[[Type, Any], Any]):
        super().__init__(sample)
        self.table, self.orient, self._make = table, orient, make
        self._names = [str(name) for name, _ in table.columns]

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        """(columns, index or None)."""
        out: Dict[str, List[Any]] = {name: [] for name in self._names}
        labels: List[Any] = []
        wanted = list if self.orient == "values" else dict
        if not isinstance(value, wanted):
            shown = "an array of rows (arrays)" if wanted is list else f"an object as pandas writes it with orient={self.orient!r}"
            faults.add("WrongType", f"expected {shown}, got {said(value)}", at)
            return None
        nodes = self.table.node().item.fields  # type: ignore[attr-defined]
        for pointer, row, label in _ROWS[self.orient](value, at, self._names, faults):
            self.table.node().item.check_names(row, pointer(""), faults)  # type: ignore[attr-defined]
            for name, node in nodes.items():
                if name in row:
                    try:
                        out[name].append(node.convert(row[name]))
                    except Wrong as wrong:
                        faults.add("WrongType", str(wrong), pointer(name))
            labels.append(label)
        if not labels and not faults:
            faults.add("WrongShape", "expected at least 1 row, got none", at)
        return list(out.values()), labels

    def build(self, value: Any) -> Any:
        columns, labels = value
        frame = self._make(self.table, columns)
        if any(label is not None for label in labels):
            frame.index = [_label(each) for each in labels]
        return frame

    def document(self, version: str = "3.1") -> Dict[str, Any]:
        row = self.table.node().item.document(version)  # type: ignore[attr-defined]
        if self.orient == "values":
            return {"type": "array", "minItems": 1, "items": {"type": "array", "items": {}, "minItems": len(self._names)}}
        if self.orient == "index":
            return {"type": "object", "additionalProperties": row}
        if self.orient == "columns":
            cells = {name: {"type": "object", "additionalProperties": shape} for name, shape in row["properties"].items()}
            return {"type": "object", "properties": cells, "required": list(cells)}
        return {"type": "object", "required": ["data"], "properties": {"data": {"type": "array", "minItems": 1, "items": {}}}}


def _label(label: Any) -> Any:
    """Object keys are text in JSON; whole numbers are numbers again."""
    if isinstance(label, str) and label.lstrip("-").isascii() and label.lstrip("-").isdigit() and len(label) < 19:
        return int(label)
    return label


def _positions(value: List[Any], names: List[str], at: str, faults: Faults, labels: Optional[List[Any]] = None) -> Iterator[Row]:
    for index, cells in enumerate(value):
        if not isinstance(cells, list) or len(cells) != len(names):
            faults.add("WrongShape", f"expected a row (an array) of {len(names)}, got {said(cells)}", f"{at}/{index}")
            continue

        def pointer(name: str, here: str = f"{at}/{index}") -> str:
            return f"{here}/{names.index(name)}" if name in names else here

        yield pointer, dict(zip(names, cells)), labels[index] if labels and index < len(labels) else None


def _values(value: List[Any], at: str, names: List[str], faults: Faults) -> Iterator[Row]:
    return _positions(value, names, at, faults)


def _split(value: Dict[str, Any], at: str, names: List[str], faults: Faults) -> Iterator[Row]:
    given, data, index = value.get("columns"), value.get("data"), value.get("index")
    if not isinstance(given, list) or not isinstance(data, list) or not (index is None or isinstance(index, list)):
        faults.add("WrongType", 'expected an object with the arrays "columns" and "data", and perhaps "index"', at)
        return
    if index is not None and len(index) != len(data):
        faults.add("WrongShape", f"expected as many labels as rows ({len(data)}), got {len(index)}", f"{at}/index")
    yield from _positions(data, [str(each) for each in given], f"{at}/data", faults, index)


def _step(here: str) -> Callable[[str], str]:
    return lambda name: f"{here}/{escape(name)}" if name else here


def _index(value: Dict[str, Any], at: str, names: List[str], faults: Faults) -> Iterator[Row]:
    for label, row in value.items():
        here = f"{at}/{escape(label)}"
        if not isinstance(row, dict):
            faults.add("WrongType", f"expected a row (an object with the columns as names), got {said(row)}", here)
            continue
        yield _step(here), row, label


def _columns(value: Dict[str, Any], at: str, names: List[str], faults: Faults) -> Iterator[Row]:
    labels: List[str] = []
    for name, cells in value.items():
        if not isinstance(cells, dict):
            faults.add("WrongType", f"expected a column (an object with the labels as names), got {said(cells)}", f"{at}/{escape(name)}")
            return
        labels = labels or list(cells)
        if cells.keys() != set(labels):
            faults.add("WrongShape", "every column must have the same labels", f"{at}/{escape(name)}")
            return
    for label in labels:

        def pointer(name: str, label: str = label) -> str:
            return f"{at}/{escape(name)}/{escape(label)}" if name else at

        yield pointer, {name: cells[label] for name, cells in value.items()}, label


def _table(value: Dict[str, Any], at: str, names: List[str], faults: Faults) -> Iterator[Row]:
    data, schema = value.get("data"), value.get("schema")
    if not isinstance(data, list):
        faults.add("WrongType", 'expected an object with the array "data"', at)
        return
    key = schema.get("primaryKey") if isinstance(schema, dict) else None
    keys = [each for each in key if each not in names] if isinstance(key, list) else ["index"] if "index" not in names else []
    for number, row in enumerate(data):
        here = f"{at}/data/{number}"
        if not isinstance(row, dict):
            faults.add("WrongType", f"expected a row (an object with the columns as names), got {said(row)}", here)
            continue
        label = row.get(keys[0]) if len(keys) == 1 and isinstance(keys[0], str) else None
        yield _step(here), {name: each for name, each in row.items() if name not in keys}, label


_ROWS: Dict[str, Callable[[Any, str, List[str], Faults], Iterator[Row]]] = {
    "split": _split,
    "index": _index,
    "columns": _columns,
    "values": _values,
    "table": _table,
}
