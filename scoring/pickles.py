"""The `internal` values of the original's schema files, read without running anything in them.

They are base64 of a pickle of one small object. The pickle is first walked with
`pickletools` (nothing is executed) and refused if it uses an opcode or a global
that a schema does not need; then it is loaded by an Unpickler that maps each
allowed global to a stub class of this file, so neither numpy nor the original's
packages are needed or touched.
"""

from __future__ import annotations

import base64
import binascii
import io
import pickle
import pickletools
from typing import Any, Dict, List, Tuple

from .errors import SchemaError

LARGEST = 1024 * 1024
MOST_OPCODES = 200_000

#: what a schema's pickle may consist of; memo opcodes are checked for their index as well
OPCODES = frozenset(
    "PROTO FRAME STOP MARK POP POP_MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "EMPTY_LIST APPEND APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS "
    "PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET GLOBAL STACK_GLOBAL NEWOBJ REDUCE BUILD".split()
)
MEMO = {"PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"}


class Builtin:
    """A type that the pickle only names (`builtins int`); it cannot be called or changed."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        object.__setattr__(self, "name", name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise pickle.UnpicklingError("a built-in type is not an object to fill")

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a built-in type is not an object to fill")


class Dtype:
    """A numpy dtype as the pickle describes it; `schema.dtype_of` makes a name of it."""

    __slots__ = ("spec", "state")

    def __init__(self, spec: Any = None, *flags: Any):
        self.spec, self.state = spec, ()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Stub:
    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: Dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("its state is not a dictionary")
        self.state = state


class NumpySchema(_Stub):
    __slots__ = ()


class PandasSchema(_Stub):
    __slots__ = ()


class PythonSchema(_Stub):
    __slots__ = ()


def _reconstructor(cls: Any, base: Any, state: Any) -> Any:
    """`copyreg._reconstructor`, which old pickles name, for our stubs only."""
    if cls not in (NumpySchema, PandasSchema, PythonSchema):
        raise pickle.UnpicklingError("only schema objects are made this way")
    return cls()


def _encode(value: Any, encoding: Any = "latin1") -> bytes:
    """`_codecs.encode`, by which Python 3 writes bytes into protocol 2."""
    if not isinstance(value, str) or encoding != "latin1":
        raise pickle.UnpicklingError("only bytes are made this way")
    return value.encode("latin1")


BUILTINS = "int long float str unicode bool list dict tuple bytes bytearray range xrange object".split()
GLOBALS: Dict[Tuple[str, str], Any] = {
    ("numpy", "dtype"): Dtype,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("_codecs", "encode"): _encode,
    ("datetime", "date"): Builtin("date"),
    ("datetime", "datetime"): Builtin("datetime"),
    ("datetime", "time"): Builtin("time"),
}
for _module in ("builtins", "__builtin__"):
    for _name in BUILTINS:
        _said = {"unicode": "str", "long": "int", "xrange": "range"}.get(_name, _name)
        GLOBALS[_module, _name] = Builtin(_said)
for _root in ("azureml.api.schema", "azure.ml.api.schema", "azureml.webservice_schema"):
    GLOBALS[f"{_root}.numpyUtil", "NumpySchema"] = NumpySchema
    GLOBALS[f"{_root}.pandasUtil", "PandasSchema"] = PandasSchema
    GLOBALS[f"{_root}.pythonUtil", "PythonSchema"] = PythonSchema
GLOBALS["azureml.webservice_schema._numpy_util", "NumpySchema"] = NumpySchema
GLOBALS["azureml.webservice_schema._pandas_util", "PandasSchema"] = PandasSchema
GLOBALS["azureml.webservice_schema._python_util", "PythonSchema"] = PythonSchema


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return GLOBALS[module, name]
        except KeyError:
            raise Foreign([f"{module}.{name}"]) from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to something outside itself")


class Foreign(pickle.UnpicklingError):
    def __init__(self, names: List[str]):
        super().__init__(", ".join(names))
        self.names = names


def _walk(raw: bytes) -> None:
    """Refuse by opcode and by global before anything is loaded."""
    foreign: List[str] = []
    strings: List[str] = []
    for count, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
        if count > MOST_OPCODES:
            raise pickle.UnpicklingError("it has too many parts")
        name = opcode.name
        if name in ("INST", "GLOBAL") and tuple(str(argument).split(" ", 1)) not in GLOBALS:
            foreign.append(str(argument).replace(" ", "."))
        elif name not in OPCODES:
            raise pickle.UnpicklingError(f"it uses {name}, which no schema needs")
        if name in MEMO and int(argument) > MOST_OPCODES:
            raise pickle.UnpicklingError("its memo is too large")
        if isinstance(argument, str) and "UNICODE" in name:
            strings.append(argument)
    if foreign:
        raise Foreign(sorted(set(foreign)))


def load(text: str, pointer: str) -> _Stub:
    """The schema object in base64 `text`; SchemaError names foreign globals. `pointer` is where the text stands."""
    if len(text) > LARGEST:
        raise SchemaError("The pickled schema is larger than 1 MiB.", pointer)
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise SchemaError("`internal` is neither an object nor base64 text.", pointer) from None
    try:
        _walk(raw)
        found = _Unpickler(io.BytesIO(raw), encoding="utf-8").load()
    except Foreign as error:
        shown = ", ".join(name.encode("utf-8", "replace").decode()[:200] for name in error.names[:5])
        raise SchemaError(f"The pickled schema names {shown}, which does not belong in a schema; it was not loaded.", pointer) from None
    except Exception as error:  # a pickle is a program: whatever it breaks is the file's fault
        raise SchemaError(f"The pickled schema cannot be read: {str(error)[:200] or type(error).__name__}.", pointer) from None
    if not isinstance(found, _Stub):
        raise SchemaError("The pickle is not one of the schema classes (NumpySchema, PandasSchema, PythonSchema).", pointer)
    return found
