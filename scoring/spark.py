"""Spark's JSON form of a StructType -> nodes. Stdlib only; pyspark is needed to build a frame, not to check a request."""

from __future__ import annotations

import decimal
import re
from typing import Any, Dict

from .errors import SchemaError
from .times import date_leaf, datetime_leaf
from .values import Anything, Array, Leaf, Map, Node, Record, Wrong, binary, boolean, integer, number, said, text

DEEPEST = 30


def struct_node(struct: Any, *, noun: str = "field", nullable: bool = False, depth: int = 0) -> Record:
    fields = struct.get("fields") if isinstance(struct, dict) else None
    if not isinstance(struct, dict) or struct.get("type") != "struct" or not isinstance(fields, list) or depth > DEEPEST:
        raise SchemaError("A SPARK schema is Spark's own JSON form of a StructType.")
    out = []
    for field in fields:
        if not isinstance(field, dict) or not isinstance(field.get("name"), str) or "type" not in field:
            raise SchemaError("Each field of a StructType has a `name` and a `type`.")
        out.append((field["name"], type_node(field["type"], nullable=bool(field.get("nullable", True)), depth=depth + 1)))
    if len(dict(out)) != len(out):
        raise SchemaError("Two columns have the same name.")
    return Record(out, noun=noun, nullable=nullable)


def type_node(kind: Any, *, nullable: bool, depth: int = 0) -> Node:
    if depth > DEEPEST:
        raise SchemaError(f"A SPARK schema is nested more than {DEEPEST} deep.")
    if isinstance(kind, dict):
        return _nested(kind, nullable, depth)
    plain: Dict[str, Any] = {
        "byte": lambda: integer(8, nullable=nullable),
        "short": lambda: integer(16, nullable=nullable),
        "integer": lambda: integer(32, nullable=nullable),
        "long": lambda: integer(64, nullable=nullable),
        "float": lambda: number(32, nullable=nullable),
        "double": lambda: number(64, nullable=nullable),
        "string": lambda: text(nullable=nullable),
        "boolean": lambda: boolean(nullable=nullable),
        "binary": lambda: binary(nullable=nullable),
        "date": lambda: date_leaf(nullable=nullable),
        "timestamp": lambda: datetime_leaf(nullable=nullable),
        "timestamp_ntz": lambda: datetime_leaf(nullable=nullable),
        "null": lambda: Anything(),
        "void": lambda: Anything(),
    }
    if isinstance(kind, str) and kind in plain:
        return plain[kind]()
    if isinstance(kind, str) and re.match(r"^decimal(\(\d{1,2},-?\d{1,2}\))?$", kind):
        return _decimal(nullable)
    raise SchemaError(f"The Spark type {str(kind)[:60]!r} is not supported in a schema.")


def _nested(kind: Dict[str, Any], nullable: bool, depth: int) -> Node:
    name = kind.get("type")
    if name == "struct":
        return struct_node(kind, nullable=nullable, depth=depth)
    if name == "array":
        return Array(type_node(kind.get("elementType"), nullable=bool(kind.get("containsNull", True)), depth=depth + 1), nullable=nullable)
    if name == "map" and kind.get("keyType") == "string":
        return Map(type_node(kind.get("valueType"), nullable=bool(kind.get("valueContainsNull", True)), depth=depth + 1), nullable=nullable)
    raise SchemaError(f"The Spark type {str(name)[:60]!r} is not supported in a schema (vectors and other user types are not either).")


def _decimal(nullable: bool) -> Leaf:
    def convert(value: Any) -> decimal.Decimal:
        if type(value) in (int, float, str) and len(str(value) if not isinstance(value, int) or abs(value) < 10**40 else "x" * 50) <= 45:
            try:
                found = decimal.Decimal(str(value))
            except decimal.InvalidOperation:
                found = None
            if found is not None and found.is_finite():
                return found
        raise Wrong(f"expected a decimal number, got {said(value)}")

    return Leaf(convert, {"type": "number", "format": "decimal"}, nullable=nullable)
