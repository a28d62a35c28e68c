"""ONNX models: inputs and outputs stand in the graph. Only their declarations are read; weights are walked past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from registry.generating.files import ModelFiles, Unreadable
from registry.generating.protobuf import Malformed, fields, number, text
from registry.generating.recipe import TABLE, Recipe, driver, identifier, quoted, table
from scoring.schema import Numpy, Pandas, Schema

#: TensorProto.DataType -> numpy's name, for what requests can hold
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "text", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
#: messages that hold declarations; everything longer is walked past
MOST_GRAPH_PART = 2**20
# Field numbers of onnx.proto: ModelProto, GraphProto, ValueInfoProto, TypeProto, TypeProto.Tensor, TensorShapeProto.
IR_VERSION, GRAPH = 1, 7
INITIALIZER, INPUT, OUTPUT = 5, 11, 12


@dataclass(frozen=True)
class Value:
    """A declared input or output: `shape` has None where a length is free; `dtype` is "" for sequences and maps."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


def recognise(files: ModelFiles, path: str, sample: Schema | None) -> Recipe | None:
    if not path.lower().endswith(".onnx"):
        return None
    with files.open(path) as file:
        try:
            inputs, outputs = declarations(file, files.sizes[path])
        except Malformed as error:
            raise Unreadable(f"{path} is not an ONNX model: {error}.") from None
    if not inputs or not outputs:
        raise Unreadable(f"{path} declares no input or no output, so it cannot be called.")
    notes: list[str] = []
    unusable = [value.name for value in inputs if value.dtype not in DTYPES.values()]
    if unusable:
        raise Unreadable(f"{path}: the input {unusable[0]} is of a type that a request cannot hold.")
    as_table = len(inputs) > 1 and all(_is_column(value) for value in inputs)
    schema = sample or (_columns(inputs) if as_table else _arrays(inputs, notes))
    return Recipe(
        "ONNX",
        driver(
            what=f"the ONNX model {files.beside(path)}",
            imports=["import numpy", "import onnxruntime"],
            init=[
                f'session = onnxruntime.InferenceSession({quoted(files.beside(path))}, providers=["CPUExecutionProvider"])',
            ],
            run=_run(inputs, outputs, schema, as_table),
            schema=schema,
            keeps="session",
        ),
        ["onnxruntime", *(["pandas"] if any(isinstance(each, Pandas) for each in schema.inputs.values()) else [])],
        schema,
        notes=notes,
    )


def _is_column(value: Value) -> bool:
    return value.shape in ((None, 1), (None,)) or (len(value.shape) == 2 and value.shape[1] == 1)


def _columns(inputs: Sequence[Value]) -> Schema:
    return table([(value.name, value.dtype) for value in inputs], argument=TABLE)


def _arrays(inputs: Sequence[Value], notes: list[str]) -> Schema:
    found = {}
    for value in inputs:
        if any(length is None for length in value.shape[1:]):
            notes.append(
                f"Lengths of {value.name} beyond the first are free in the model; the schema fixes them at 1. Give a sample request."
            )
        shape = tuple(length or 1 for length in value.shape)
        cell: object = "" if value.dtype == "text" else False if value.dtype == "bool" else 0.0 if value.dtype.startswith("float") else 0
        # The first length is free for callers, whatever the sample's is.
        rows = cell
        for length in reversed((1, *shape[1:]) if shape else ()):
            rows = [rows] * length
        found[identifier(value.name)] = Numpy("object" if value.dtype == "text" else value.dtype, (1, *shape[1:]) if shape else (), rows)
    return Schema(found)


def _run(inputs: Sequence[Value], outputs: Sequence[Value], schema: Schema, as_table: bool) -> list[str]:
    arguments = list(schema.inputs)
    if is_one_table := all(isinstance(each, Pandas) for each in schema.inputs.values()):
        frame = arguments[0]
    if as_table and is_one_table:
        given = [f"{quoted(value.name)}: {frame}[[{quoted(value.name)}]].to_numpy({_cast(value)})," for value in inputs]
    elif is_one_table:
        given = [f'"{inputs[0].name}": {frame}.to_numpy({_cast(inputs[0])}),']
    else:
        pairs = zip(inputs, arguments, strict=False)
        given = [f"{quoted(value.name)}: numpy.asarray({argument}, {_cast(value)})," for value, argument in pairs]
    call = ["given = {", *(f"    {line}" for line in given), "}", "found = session.run(None, given)"]
    if len(outputs) == 1:
        return [*call, "return found[0]"]
    names = ", ".join(f"{quoted(value.name)}" for value in outputs)
    if all(not value.dtype or (value.shape and value.shape[0] is None) for value in outputs):
        return [
            *call,
            "# An entry for each row, with each of the model's outputs by its name.",
            f"return [dict(zip(({names}), row)) for row in zip(*found)]",
        ]
    return [*call, f"return dict(zip(({names}), found))"]


def _cast(value: Value) -> str:
    return f'dtype="{"object" if value.dtype == "text" else value.dtype}"'


def declarations(file: BinaryIO, size: int) -> tuple[list[Value], list[Value]]:
    """What the graph takes and gives, in its order; weights that old files also list as inputs are left out."""
    inputs, outputs, weights, is_model = [], [], set(), False
    for number_, wire, place, length in fields(file, 0, size):
        is_model = is_model or (number_ == IR_VERSION and wire == 0)
        if number_ != GRAPH or wire != 2:
            continue
        for inner, inner_wire, at, long in fields(file, place, place + length):
            if inner_wire != 2:
                continue
            if inner in (INPUT, OUTPUT):
                if long > MOST_GRAPH_PART:
                    raise Malformed("a declaration in it is too long")
                (inputs if inner == INPUT else outputs).append(_value(file, at, long))
            elif inner == INITIALIZER:
                weights.add(_name_of_tensor(file, at, long))
    if not is_model:
        raise Malformed("it does not begin as one")
    return [value for value in inputs if value.name not in weights], outputs


def _name_of_tensor(file: BinaryIO, place: int, length: int) -> str:
    for number_, wire, at, long in fields(file, place, place + length):
        if number_ == 8 and wire == 2:
            return text(file, at, long)
    return ""


def _value(file: BinaryIO, place: int, length: int) -> Value:
    name, dtype, shape = "", "", ()
    for number_, wire, at, long in fields(file, place, place + length):
        if number_ == 1 and wire == 2:
            name = text(file, at, long)
        elif number_ == 2 and wire == 2:
            dtype, shape = _type(file, at, long)
    return Value(name, dtype, shape)


def _type(file: BinaryIO, place: int, length: int) -> tuple[str, tuple[int | None, ...]]:
    dtype, shape = "", ()
    for number_, wire, at, long in fields(file, place, place + length):
        if number_ != 1 or wire != 2:  # a tensor; sequences and maps have other numbers
            continue
        for inner, inner_wire, there, rest in fields(file, at, at + long):
            if inner == 1 and inner_wire == 0:
                dtype = DTYPES.get(number(file, there), f"type {number(file, there)}")
            elif inner == 2 and inner_wire == 2:
                shape = tuple(
                    _length(file, place_, size) for one, kind, place_, size in fields(file, there, there + rest) if one == 1 and kind == 2
                )
    return dtype, shape


def _length(file: BinaryIO, place: int, length: int) -> int | None:
    for number_, wire, at, _ in fields(file, place, place + length):
        if number_ == 1 and wire == 0:
            found = number(file, at)
            return found if 0 < found < 2**31 else None
    return None
