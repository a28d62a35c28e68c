"""Bodies decoded straight into the schema's types: the quick way for requests in which nothing is wrong.

msgspec checks types while it reads, so that no value is looked at twice. What it does
not take at once (a fault, a whole number written 3.0, a body encoded twice) is left to
`inputs.check_value`, which knows everything and says what is wrong. So this may refuse
what is right, and must never accept what that refuses, nor read it as something else.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Any, Callable, Dict, List, Optional, Tuple, Union

import msgspec

from .schema import NUMPY, PANDAS, STANDARD, Pandas, Schema, Type
from .values import Anything, Array, Faults, Leaf, Node, Wrong

Body = Union[bytes, bytearray]
Values = Dict[str, Any]
#: makes of a decoded value what `Type.read` returns; None: it is that already
After = Optional[Callable[[Any], Any]]


class NotQuick(Exception):
    """To be read the thorough way."""


class Reader:
    """Reads the bodies of one schema; `read` is None where there is nothing to win."""

    def __init__(self, schema: Schema):
        self.read: Optional[Callable[[Body], Optional[Values]]] = None
        if not schema.closed or schema.optional or not schema.inputs:
            return
        try:
            found = {name: _input(name, kind) for name, kind in schema.inputs.items()}
            if all(wanted is Any for wanted, _ in found.values()):
                return
            request = _struct("Request", {name: wanted for name, (wanted, _) in found.items()})
            self._decode = msgspec.json.Decoder(request).decode
        except (TypeError, ValueError):  # names (with quotes, say) that msgspec does not take
            return
        self._parts = [(name, attrgetter(f"f{place}"), after) for place, (name, (_, after)) in enumerate(found.items())]
        self.read = self._read

    def _read(self, body: Body) -> Optional[Values]:
        """What `inputs.check_value` would return, or None: ask that."""
        try:
            request = self._decode(body)
            return {name: part(request) if after is None else after(part(request)) for name, part, after in self._parts}
        except (msgspec.MsgspecError, ValueError, RecursionError, NotQuick, Wrong):
            return None


def reader_of(schema: Schema) -> Reader:
    """Made at the first call and kept with the schema."""
    found = getattr(schema, "_reader", None)
    if found is None:
        found = schema._reader = Reader(schema)  # type: ignore[attr-defined]
    return found


def _struct(name: str, fields: Dict[str, Any]) -> Any:
    """Fields are called by their place, as a name in JSON need not be one in Python."""
    parts = [(f"f{place}", wanted, msgspec.field(name=key)) for place, (key, wanted) in enumerate(fields.items())]
    return msgspec.defstruct(name, parts, forbid_unknown_fields=True, gc=False)


def _input(name: str, kind: Type) -> Tuple[Any, After]:
    if isinstance(kind, Pandas) and kind.kind == PANDAS and kind.columns:
        return _table(kind)
    if kind.kind in (NUMPY, STANDARD):
        wanted = _type(kind.node())
        if wanted is not None:
            return wanted, None
    return Any, lambda value: _thoroughly(kind, value)


def _thoroughly(kind: Type, value: Any) -> Any:
    faults = Faults()
    found = kind.read(value, "", faults)
    if faults:
        raise NotQuick
    return found


def _table(kind: Pandas) -> Tuple[Any, After]:
    """Rows as structs, and from them the columns."""
    nodes: Dict[str, Node] = kind.node().item.fields  # type: ignore[attr-defined]
    types = {name: _type(node) for name, node in nodes.items()}
    row = _struct("Row", {name: Any if wanted is None else wanted for name, wanted in types.items()})
    takes: List[Tuple[Any, After]] = [
        (attrgetter(f"f{place}"), node.convert if types[name] is None else None)  # type: ignore[attr-defined]
        for place, (name, node) in enumerate(nodes.items())
    ]

    def columns(rows: List[Any]) -> List[List[Any]]:
        return [list(map(take, rows)) if convert is None else [convert(take(row)) for row in rows] for take, convert in takes]

    return _list(row, least=1), columns


def _list(item: Any, *, least: int = 0, most: Optional[int] = None) -> Any:
    return Annotated[List[item], msgspec.Meta(min_length=least, max_length=most)]


def _type(node: Node) -> Any:
    """The type that takes only what this node takes, and gives what it gives; None when there is none."""
    if isinstance(node, Array):
        item = _type(node.item)
        if item is None or node.nullable:
            return None
        return _list(item, least=node.length if node.length is not None else node.least, most=node.length)
    if isinstance(node, Anything):
        return Any
    if not isinstance(node, Leaf):
        return None
    wanted = _leaf(node.document("2.0"))
    return Optional[wanted] if wanted is not None and node.nullable else wanted


def _leaf(shape: Dict[str, Any]) -> Any:
    """From the leaf's own description: its type and its limits."""
    low, high = shape.get("minimum"), shape.get("maximum")
    if shape.get("type") == "number":
        return float if low is None else Annotated[float, msgspec.Meta(ge=low, le=high)]
    if shape.get("type") == "integer" and -(2**63) <= low and high < 2**63:
        return Annotated[int, msgspec.Meta(ge=low, le=high)]
    if shape.get("type") == "boolean":
        return bool
    return str if shape.get("type") == "string" and not set(shape) - {"type", "x-nullable"} else None
