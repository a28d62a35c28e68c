"""inference_schema.*: the decorators and parameter types, where the package of that name is not installed."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any, Callable, Dict, List

from .. import decorated, inputs, orients, samples, schema
from ..decorated import Loose, Nested, Notes, Own, Plain
from ..schema import Type
from ..values import Enough, Faults

__all__ = [
    "AbstractParameterType",
    "NumpyParameterType",
    "PandasParameterType",
    "SparkParameterType",
    "StandardPythonParameterType",
    "get_input_schema",
    "get_output_schema",
    "get_supported_versions",
    "input_schema",
    "is_schema_decorated",
    "output_schema",
]


class AbstractParameterType:
    """Subclasses of the user's say how JSON becomes an argument (`deserialize_input`) and how it is described (`input_to_swagger`)."""

    def __init__(self, sample_input: Any):
        self.sample_input, self.sample_data_type = sample_input, type(sample_input)

    def deserialize_input(self, input_data: Any) -> Any:
        raise NotImplementedError

    def input_to_swagger(self) -> Dict[str, Any]:
        raise NotImplementedError

    def supported_versions(self) -> List[str]:
        return ["2.0", "3.0", "3.1"]


class _Checked(AbstractParameterType):
    reader: Type

    def deserialize_input(self, input_data: Any) -> Any:
        """JSON -> the argument; what is of the sample's type already is returned. ValueError names what does not fit."""
        if type(input_data).__module__ != "builtins" and isinstance(input_data, self.sample_data_type):
            return input_data
        faults = Faults()
        try:
            value = self.reader.read(input_data, "", faults)
        except Enough:
            value = None
        if faults:
            raise ValueError(f"{faults[0]['pointer'] or 'input'}: {faults[0]['message']}")
        return inputs.build_one(self.reader, value)

    def input_to_swagger(self) -> Dict[str, Any]:
        return {**self.reader.document("2.0"), "example": self.reader.sample}


class NumpyParameterType(_Checked):
    def __init__(self, sample_input: Any, enforce_column_type: bool = True, enforce_shape: bool = True):
        super().__init__(sample_input)
        strict = samples.type_of(schema.NUMPY, sample_input)
        self.enforce_column_type, self.enforce_shape = enforce_column_type, enforce_shape
        if enforce_column_type and enforce_shape:
            self.reader = strict
            return

        def make(value: Any) -> Any:
            import numpy

            found = numpy.array(value, dtype=sample_input.dtype if enforce_column_type else None)
            if enforce_shape and (found.ndim, found.shape[1:]) != (sample_input.ndim, sample_input.shape[1:]):
                raise ValueError(f"expected an array like {sample_input.shape}, got {found.shape}")
            return found

        self.reader = Loose({"type": "array", "items": {}} if sample_input.ndim else {}, strict.sample, make)


class PandasParameterType(_Checked):
    def __init__(
        self,
        sample_input: Any,
        enforce_column_type: bool = True,
        enforce_shape: bool = True,
        apply_column_names: bool = False,
        orient: str = "records",
    ):
        super().__init__(sample_input)
        if orient not in ("records", "split", "index", "columns", "values", "table"):
            raise ValueError(f"{orient!r} is not an orient; use records, split, index, columns, values or table.")
        table = samples.type_of(schema.PANDAS, sample_input)
        assert isinstance(table, schema.Pandas)
        self.enforce_column_type, self.enforce_shape = enforce_column_type, enforce_shape
        self.apply_column_names, self.orient = apply_column_names, orient
        sample = table.sample
        if orient != "records":
            sample = json.loads(sample_input.iloc[: samples.MOST_RECORDS].to_json(orient=orient, date_format="iso"))
        if enforce_column_type and enforce_shape and not apply_column_names:
            self.reader = table if orient == "records" else orients.Oriented(table, orient, sample, inputs.build_one)
            return
        shape = {"type": "array", "items": {}} if orient in ("records", "values") else {"type": "object"}
        self.reader = Loose(shape, sample, self._make)

    def _make(self, value: Any) -> Any:
        """As far as it is asked for: column names, number of columns, types."""
        import io

        import pandas

        frame = pandas.read_json(io.StringIO(json.dumps(value)), orient=self.orient, dtype=False)  # type: ignore[call-overload]
        wanted = self.sample_input
        if self.enforce_shape and frame.shape[1] != wanted.shape[1]:
            raise ValueError(f"expected {wanted.shape[1]} columns, got {frame.shape[1]}")
        if self.apply_column_names:
            frame.columns = wanted.columns.copy()
        elif self.orient == "values" and frame.shape[1] == wanted.shape[1]:
            frame.columns = wanted.columns.copy()
        if self.enforce_column_type:
            known = wanted.dtypes.to_dict()
            frame = frame.astype({name: known[name] for name in frame.columns if name in known})
        return frame


class SparkParameterType(_Checked):
    def __init__(self, sample_input: Any, apply_sample_schema: bool = True):
        super().__init__(sample_input)
        self.apply_sample_schema = apply_sample_schema
        self.reader = samples.type_of(schema.SPARK, sample_input)


def _reader(given: Any) -> Type:
    """A parameter type, or a sample with some inside -> how it is read."""
    if isinstance(given, _Checked):
        return given.reader
    if isinstance(given, AbstractParameterType):
        return Own(given)
    if isinstance(given, dict) and _holds_types(given):
        parts = {str(name): _part(each) for name, each in given.items()}
        sample = {name: each.sample for name, each in parts.items()}
        return Nested(parts, None if None in sample.values() else sample, inputs.build_one)
    if isinstance(given, (list, tuple)) and _holds_types(given):
        readers = [_part(each) for each in given]
        values = [each.sample for each in readers]
        return Nested(readers, None if None in values else values, inputs.build_one)
    return Plain({"example": json.loads(json.dumps(given, default=str))})


def _part(given: Any) -> Type:
    """As in the package: a type inside converts; a plain object or array around more types is only shown."""
    if isinstance(given, AbstractParameterType) or not _holds_types(given):
        return _reader(given)
    sample = _reader(given).sample
    return Plain({} if sample is None else {"example": sample})


def _holds_types(given: Any) -> bool:
    if isinstance(given, AbstractParameterType):
        return True
    if isinstance(given, dict):
        return any(_holds_types(each) for each in given.values())
    return isinstance(given, (list, tuple)) and any(_holds_types(each) for each in given)


class StandardPythonParameterType(_Checked):
    """A plain value, or an object or array with parameter types inside."""

    def __init__(self, sample_input: Any):
        super().__init__(sample_input)
        self.reader = _reader(sample_input) if _holds_types(sample_input) else samples.type_of(schema.STANDARD, sample_input)


def _wrap(function: Callable[..., Any], notes: Notes, convert: Callable[[tuple, dict], tuple]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not decorated.converted.get():  # called by the user's own code, with JSON or with what it stands for
            args, kwargs = convert(args, kwargs)
        return function(*args, **kwargs)

    setattr(wrapper, decorated.NOTES, notes)
    return wrapper


def _notes(function: Callable[..., Any]) -> Notes:
    found = getattr(function, decorated.NOTES, None)
    return Notes(found.inputs, found.output) if found is not None else Notes()


def input_schema(
    param_name: str, param_type: AbstractParameterType, convert_to_provided_type: bool = True, optional: bool = False
) -> Callable[..., Any]:
    """Say what run()'s argument `param_name` is. May be used once for each argument."""
    if not isinstance(param_type, AbstractParameterType):
        raise TypeError(f"@input_schema({param_name!r}, ...) needs a parameter type, such as NumpyParameterType(sample).")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)

        def convert(args: tuple, kwargs: dict) -> tuple:
            bound = signature.bind(*args, **kwargs)
            if convert_to_provided_type and param_name in bound.arguments:
                value = bound.arguments[param_name]
                if not (optional and not isinstance(value, param_type.sample_data_type) and not value):
                    bound.arguments[param_name] = param_type.deserialize_input(value)
            return bound.args, bound.kwargs

        notes = _notes(function)
        notes.inputs[param_name] = (_reader(param_type), convert_to_provided_type, optional)
        return _wrap(function, notes, convert)

    return decorate


def output_schema(output_type: AbstractParameterType) -> Callable[..., Any]:
    """Say what run() returns. It is told to readers and not enforced."""
    if not isinstance(output_type, AbstractParameterType):
        raise TypeError("@output_schema(...) needs a parameter type, such as NumpyParameterType(sample).")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        notes = _notes(function)
        notes.output = _reader(output_type)
        return _wrap(function, notes, lambda args, kwargs: (args, kwargs))

    return decorate


def is_schema_decorated(func: Callable[..., Any]) -> bool:
    return getattr(func, decorated.NOTES, None) is not None


def get_input_schema(func: Callable[..., Any]) -> Dict[str, Any]:
    kinds = {name: kind for name, (kind, _, _) in _notes(func).inputs.items()}
    if not kinds:
        return {"type": "object"}
    shape: Dict[str, Any] = {"type": "object", "properties": {name: each.document("2.0") for name, each in kinds.items()}}
    return {**shape, "example": {name: each.sample for name, each in kinds.items() if each.sample is not None}}


def get_output_schema(func: Callable[..., Any]) -> Dict[str, Any]:
    output = _notes(func).output
    return {"type": "object"} if output is None else {**output.document("2.0"), "example": output.sample}


def get_supported_versions(func: Callable[..., Any]) -> List[str]:
    return ["2.0", "3.0", "3.1"]
