"""Decorated score files: what `@input_schema` and `@output_schema` say of run(), as a schema like any other.

The decorators themselves are in `shims.inference`, or the user's own `inference-schema`
package. Stdlib only; frames and arrays are made in `inputs.build`.
"""

from __future__ import annotations

import contextvars
import inspect
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from .errors import BadInput, DriverFailed
from .schema import DECORATED, Schema, Type
from .values import Anything, Faults, Node, escape, said

#: where our decorators leave their notes on run()
NOTES = "__modelport_schema__"
HEADERS = "request_headers"

#: run()'s arguments are of their types already: the decorators need not convert them
converted: "contextvars.ContextVar[bool]" = contextvars.ContextVar("modelport_converted", default=False)


class Notes:
    """`inputs` is {name: (type, convert, optional)}; a type is a schema's own or a `Reader`."""

    def __init__(self, inputs: Optional[Dict[str, Tuple[Type, bool, bool]]] = None, output: Optional[Type] = None):
        self.inputs, self.output = dict(inputs or {}), output


class Reader(Type):
    """A type that no schema file has; `build` makes the argument of what `read` returned."""

    kind = DECORATED

    @property
    def name(self) -> str:
        return type(self).__name__

    def node(self) -> Node:
        return Anything()

    def build(self, value: Any) -> Any:
        return value

    def internal(self) -> Dict[str, Any]:
        return {}


class Plain(Reader):
    """Whatever JSON came. `shape` is its description, as a schema object."""

    def __init__(self, shape: Optional[Dict[str, Any]] = None):
        shape = dict(shape or {})
        super().__init__(shape.pop("example", None))
        self._shape = shape

    def document(self, version: str = "3.1") -> Dict[str, Any]:
        return dict(self._shape)


class Own(Plain):
    """A parameter type that the user wrote: its own deserialize_input() makes the argument."""

    def __init__(self, theirs: Any):
        super().__init__(theirs.input_to_swagger())
        self._theirs = theirs

    def build(self, value: Any) -> Any:
        try:
            return self._theirs.deserialize_input(value)
        except ValueError as error:
            raise _bad(str(error)[:500] or "this value is not accepted") from None


class Loose(Reader):
    """Checked by `make` only, which raises ValueError or TypeError for what it cannot use."""

    def __init__(self, shape: Dict[str, Any], sample: Any, make: Callable[[Any], Any]):
        super().__init__(sample)
        self._shape, self._make = shape, make

    def document(self, version: str = "3.1") -> Dict[str, Any]:
        return dict(self._shape)

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        wanted = self._shape.get("type")
        if (wanted == "array" and not isinstance(value, list)) or (wanted == "object" and not isinstance(value, dict)):
            faults.add("WrongType", f"expected an {wanted}, got {said(value)}", at)
        return value

    def build(self, value: Any) -> Any:
        try:
            return self._make(value)
        except (ValueError, TypeError, KeyError) as error:
            raise _bad(f"this value does not fit: {str(error)[:500]}") from None


class Nullable(Reader):
    """An argument that may be null."""

    def __init__(self, inner: Type, make: Callable[[Type, Any], Any]):
        super().__init__(inner.sample)
        self.inner, self._make = inner, make

    def document(self, version: str = "3.1") -> Dict[str, Any]:
        shape = self.inner.document(version)
        if version == "2.0":
            return {**shape, "x-nullable": True}
        return {"anyOf": [shape, {"type": "null"}]} if shape else shape

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        return None if value is None else (self.inner.read(value, at, faults),)

    def build(self, value: Any) -> Any:
        return None if value is None else self._make(self.inner, value[0])


class Nested(Reader):
    """An object or an array with types inside. Names that are not named are passed on as they come."""

    def __init__(self, parts: Any, sample: Any, make: Callable[[Type, Any], Any]):
        super().__init__(sample)
        self.parts, self._make = parts, make

    def document(self, version: str = "3.1") -> Dict[str, Any]:
        if isinstance(self.parts, dict):
            properties = {name: each.document(version) for name, each in self.parts.items()}
            return {"type": "object", "properties": properties, "required": list(self.parts)} if properties else {"type": "object"}
        if len(self.parts) == 1:
            return {"type": "array", "items": self.parts[0].document(version)}
        return {"type": "array", "items": {}, "minItems": len(self.parts), "maxItems": len(self.parts)}

    def read(self, value: Any, at: str, faults: Faults) -> Any:
        if isinstance(self.parts, dict):
            if not isinstance(value, dict):
                faults.add("WrongType", f"expected an object, got {said(value)}", at)
                return None
            for name in self.parts:
                if name not in value:
                    faults.add("MissingField", f'the field "{name}" is missing', f"{at}/{escape(name)}")
            return {
                name: self.parts[name].read(each, f"{at}/{escape(name)}", faults) if name in self.parts else each
                for name, each in value.items()
            }
        if not isinstance(value, list):
            faults.add("WrongType", f"expected an array, got {said(value)}", at)
            return None
        if len(self.parts) > 1 and len(value) != len(self.parts):
            faults.add("WrongShape", f"expected an array of {len(self.parts)}, got {said(value)}", at)
            return None
        return [self._part(index).read(each, f"{at}/{index}", faults) for index, each in enumerate(value)]

    def _part(self, index: int) -> Type:
        return self.parts[index if len(self.parts) > 1 else 0]

    def build(self, value: Any) -> Any:
        if isinstance(self.parts, dict):
            return {name: self._make(self.parts[name], each) if name in self.parts else each for name, each in value.items()}
        return [self._make(self._part(index), each) for index, each in enumerate(value)]


def _bad(message: str) -> BadInput:
    return BadInput(f"The input cannot be used: {message}", details=[{"code": "WrongValue", "message": message, "pointer": ""}])


class Decorated(Schema):
    """The schema that decorators give: open (unknown names are ignored), and arguments with a default may be left out."""

    closed = False

    def __init__(self, inputs: Dict[str, Type], optional: List[str], output: Optional[Type], theirs: bool = False):
        super().__init__(inputs)
        self.optional = frozenset(optional)
        self.output = output
        #: the decorators are those of the user's own package: they convert, inside run()
        self.theirs = theirs

    def sample(self) -> Optional[Dict[str, Any]]:
        if any(each.sample is None for name, each in self.inputs.items() if name not in self.optional):
            return None
        return {name: each.sample for name, each in self.inputs.items() if each.sample is not None}


def schema_of(run: Callable[..., Any], make: Callable[[Type, Any], Any], filename: str) -> Optional[Decorated]:
    """None when run() is not decorated. `make` is `inputs.build_one`. Raises DriverFailed."""
    notes = getattr(run, NOTES, None)
    theirs = notes is None
    if theirs:
        notes = _theirs(run)
    if notes is None:
        return None
    arguments = {
        each.name: each
        for each in inspect.signature(run).parameters.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) and each.name != HEADERS
    }
    for name in notes.inputs:
        if name not in arguments and not theirs:
            raise DriverFailed(f"{filename}: @input_schema names `{name}`, which run() does not take.")
    inputs: Dict[str, Type] = {}
    for name in arguments:
        kind, convert, optional = notes.inputs.get(name, (Plain(), True, False))
        if not convert:
            kind = Plain({**kind.document("2.0"), **({} if kind.sample is None else {"example": kind.sample})})
        elif optional and not theirs:
            kind = Nullable(kind, make)
        inputs[name] = kind
    return Decorated(inputs, [name for name, each in arguments.items() if each.default is not each.empty], notes.output, theirs)


def _theirs(run: Callable[..., Any]) -> Optional[Notes]:
    """The notes of the inference-schema package, where the user's file has imported it."""
    util = sys.modules.get("inference_schema.schema_util")
    if util is None or not hasattr(util, "__functions_schema__") or not util.is_schema_decorated(run):
        return None
    document = util.get_input_schema(run)
    samples, properties = document.get("example") or {}, document.get("properties") or {}
    inputs: Dict[str, Tuple[Type, bool, bool]] = {}
    for name, shape in properties.items():
        shape = {**shape, **({"example": samples[name]} if name in samples else {})}
        inputs[name] = (Plain(shape), True, False)
    output = util.get_output_schema(run)
    return Notes(inputs, Plain(output) if output.get("type") != "object" or len(output) > 1 else None)


def callers_fault(error: BaseException) -> bool:
    """Did the decorators of the user's own package refuse the input, before run() was reached?"""
    package = getattr(sys.modules.get("inference_schema"), "__file__", None)
    if not package or isinstance(error, (SystemExit, KeyboardInterrupt)):
        return False
    folder, frame, names = package.rpartition("__init__")[0], error.__traceback__, []
    while frame is not None:
        names.append(frame.tb_frame.f_code)
        frame = frame.tb_next
    inside = [code.co_filename.startswith(folder) for code in names]
    # `decorator_input` calls run() itself; what is deeper and still theirs was converting.
    last = max((index for index, each in enumerate(inside) if each), default=-1)
    return last >= 0 and names[last].co_name != "decorator_input"


def refused(error: BaseException) -> BadInput:
    return _bad(str(error)[:500] or type(error).__name__)
