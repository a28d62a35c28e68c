"""JSON values checked and converted, one at a time: the leaves and branches of every schema type. Stdlib only.

A leaf's `convert(value)` returns the Python value or raises `Wrong`; a node's
`read(value, at, faults)` does the same for a tree and collects what is wrong with
the JSON pointer of each place. `document(version)` describes the same rules as
JSON Schema (version "3.1") or as a Swagger 2.0 schema ("2.0").
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import math
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

#: how many faults of one request are reported
MOST_FAULTS = 20


class Wrong(Exception):
    """The value is not what the schema says; the text completes "at this place: ..."."""


class Enough(Exception):
    """As many faults as are reported have been found."""


class Faults(List[Dict[str, str]]):
    """The faults of one request; raises `Enough` when the list is full."""

    def add(self, code: str, message: str, pointer: str) -> None:
        self.append({"code": code, "message": message, "pointer": pointer})
        if len(self) >= MOST_FAULTS:
            raise Enough


def escape(name: object) -> str:
    """A name as one step of a JSON pointer (RFC 6901); lone surrogates cannot be sent back and are replaced."""
    text = str(name).encode("utf-8", "replace").decode("utf-8")
    return text[:200].replace("~", "~0").replace("/", "~1")


def said(value: Any) -> str:
    """The value as it came, short enough for a message."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"an array of {len(value)}"
    if isinstance(value, str):
        cut = value if len(value) <= 40 else value[:37] + "..."
        return "the text " + json.dumps(cut.encode("utf-8", "replace").decode("utf-8"), ensure_ascii=False)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a very large number"
    return json.dumps(value)


def nearest(name: str, known: Iterable[str]) -> str:
    """ " Did you mean ...?" or nothing."""
    names = list(known)[:500]
    found = [each for each in names if each.lower() == name[:200].lower()][:1] or difflib.get_close_matches(
        name[:200], names, n=1, cutoff=0.6
    )
    return f" Did you mean {json.dumps(found[0], ensure_ascii=False)}?" if found else ""


class Node:
    """A place in a schema."""

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        raise NotImplementedError

    def document(self, version: str) -> Dict[str, Any]:
        raise NotImplementedError


class Leaf(Node):
    """One value. `code` is the fault code when it does not fit."""

    def __init__(self, convert: Callable[[Any], Any], shape: Dict[str, Any], *, nullable: bool = False):
        self._convert, self._shape, self.nullable = convert, shape, nullable

    def convert(self, value: Any) -> Any:
        if value is None and self.nullable:
            return None
        return self._convert(value)

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        try:
            return self.convert(value)
        except Wrong as wrong:
            faults.add("WrongType", str(wrong), at)
            return None

    def document(self, version: str) -> Dict[str, Any]:
        shape = dict(self._shape)
        if self.nullable and shape:
            if version == "2.0":
                shape["x-nullable"] = True
            else:
                shape["type"] = [shape["type"], "null"]
        return shape


class Anything(Leaf):
    """Any JSON value."""

    def __init__(self) -> None:
        super().__init__(lambda value: value, {})
        self.nullable = True


class Array(Node):
    """Items of one kind; `length` fixes how many, `least` is the least number otherwise."""

    def __init__(self, item: Node, *, length: Optional[int] = None, least: int = 0, nullable: bool = False):
        self.item, self.length, self.least, self.nullable = item, length, least, nullable

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        if value is None and self.nullable:
            return None
        if not isinstance(value, (list, tuple)):
            faults.add("WrongType", f"expected an array, got {said(value)}", at)
            return None
        if self.length is not None and len(value) != self.length:
            faults.add("WrongShape", f"expected an array of {self.length}, got {said(value)}", at)
            return None
        if len(value) < self.least:
            faults.add("WrongShape", f"expected at least {self.least} item{'s' if self.least > 1 else ''}, got an empty array", at)
            return None
        item = self.item
        if isinstance(item, Leaf):
            convert, out = item.convert, []
            for index, each in enumerate(value):
                try:
                    out.append(convert(each))
                except Wrong as wrong:
                    faults.add("WrongType", str(wrong), f"{at}/{index}")
            return out
        return [item.read(each, f"{at}/{index}", faults) for index, each in enumerate(value)]

    def document(self, version: str) -> Dict[str, Any]:
        shape: Dict[str, Any] = {"type": "array", "items": self.item.document(version)}
        if self.length is not None:
            shape["minItems"] = shape["maxItems"] = self.length
        elif self.least:
            shape["minItems"] = self.least
        if self.nullable:
            shape = {**shape, "x-nullable": True} if version == "2.0" else {**shape, "type": ["array", "null"]}
        return shape


class Map(Node):
    """An object with any keys and values of one kind."""

    def __init__(self, value: Node, *, nullable: bool = False):
        self.value, self.nullable = value, nullable

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        if value is None and self.nullable:
            return None
        if not isinstance(value, dict):
            faults.add("WrongType", f"expected an object, got {said(value)}", at)
            return None
        if isinstance(self.value, Anything):
            return value
        return {key: self.value.read(each, f"{at}/{escape(key)}", faults) for key, each in value.items()}

    def document(self, version: str) -> Dict[str, Any]:
        shape: Dict[str, Any] = {"type": "object", "additionalProperties": self.value.document(version)}
        if self.nullable:
            shape = {**shape, "x-nullable": True} if version == "2.0" else {**shape, "type": ["object", "null"]}
        return shape


class Record(Node):
    """An object with exactly these fields; `noun` is what a field is called in messages. Read into a list in field order."""

    def __init__(self, fields: Sequence[Tuple[str, Node]], *, noun: str = "field", optional: Iterable[str] = (), nullable: bool = False):
        self.fields = dict(fields)
        self.noun, self.nullable, self.optional = noun, nullable, set(optional)

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        if value is None and self.nullable:
            return None
        if not isinstance(value, dict):
            faults.add("WrongType", f"expected an object, got {said(value)}", at)
            return None
        self.check_names(value, at, faults)
        out = []
        for name, node in self.fields.items():
            if name in value:
                out.append(node.read(value[name], f"{at}/{escape(name)}", faults))
            else:
                out.append(None)
        return out

    def check_names(self, value: Dict[str, Any], at: str, faults: Faults) -> None:
        """Unknown and missing names; nothing is looked up twice when all is well."""
        fields = self.fields
        if len(value) == len(fields) and all(name in fields for name in value):
            return
        noun = self.noun
        for name in value:
            if name not in fields:
                missing = [each for each in fields if each not in value]
                shown = said(name)[len("the text ") :]
                faults.add(
                    f"Unknown{noun.title()}", f"there is no {noun} {shown}." + nearest(name, missing or fields), f"{at}/{escape(name)}"
                )
        for name in fields:
            if name not in value and name not in self.optional:
                faults.add(
                    f"Missing{noun.title()}", f"the {noun} {json.dumps(name, ensure_ascii=False)} is missing", f"{at}/{escape(name)}"
                )

    def document(self, version: str) -> Dict[str, Any]:
        shape: Dict[str, Any] = {
            "type": "object",
            "properties": {name: node.document(version) for name, node in self.fields.items()},
            "additionalProperties": False,
        }
        required = [name for name in self.fields if name not in self.optional]
        if required:
            shape["required"] = required
        if self.nullable:
            shape = {**shape, "x-nullable": True} if version == "2.0" else {**shape, "type": ["object", "null"]}
        return shape


# The leaves.


def integer(bits: int, *, signed: bool = True, nullable: bool = False, name: str = "") -> Leaf:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)

    def convert(value: Any) -> int:
        if type(value) is not int:
            if type(value) is float and value.is_integer():
                value = int(value)
            else:
                raise Wrong(f"expected a whole number, got {said(value)}")
        if not low <= value <= high:
            raise Wrong(f"expected a whole number between {low} and {high}, got {said(value)}")
        return value

    return Leaf(
        convert,
        {"type": "integer", "format": name or f"{'' if signed else 'u'}int{bits}", "minimum": low, "maximum": high},
        nullable=nullable,
    )


LARGEST = {16: 65504.0, 32: 3.4028234663852886e38, 64: math.inf}


def number(bits: int = 64, *, nullable: bool = False) -> Leaf:
    largest = LARGEST[bits]

    def convert(value: Any) -> float:
        if type(value) is int:
            try:
                value = float(value)
            except OverflowError:
                raise Wrong("expected a number, got one that is too large") from None
        elif type(value) is not float:
            raise Wrong(f"expected a number, got {said(value)}")
        if not -largest <= value <= largest:
            raise Wrong(f"expected a number between {-largest} and {largest}, got {said(value)}")
        return value

    shape: Dict[str, Any] = {"type": "number", "format": "double" if bits == 64 else "float"}
    if bits < 64:
        shape.update(minimum=-largest, maximum=largest)
    return Leaf(convert, shape, nullable=nullable)


def boolean(*, nullable: bool = False) -> Leaf:
    def convert(value: Any) -> bool:
        if value is True or value is False:
            return value
        raise Wrong(f"expected true or false, got {said(value)}")

    return Leaf(convert, {"type": "boolean"}, nullable=nullable)


def text(*, nullable: bool = False) -> Leaf:
    def convert(value: Any) -> str:
        if type(value) is str:
            return value
        raise Wrong(f"expected text, got {said(value)}")

    return Leaf(convert, {"type": "string"}, nullable=nullable)


def binary(*, nullable: bool = False, form: str = "byte") -> Leaf:
    def convert(value: Any) -> bytes:
        if type(value) is not str:
            raise Wrong(f"expected base64 text, got {said(value)}")
        try:
            return base64.b64decode(value.encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise Wrong(f"expected base64 text, got {said(value)}") from None

    return Leaf(
        convert,
        {"type": "string", "format": form, "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"},
        nullable=nullable,
    )
