"""Whatever run() returned -> JSON bytes. numpy, pandas and Spark objects are known by what they can do; nothing is imported."""

from __future__ import annotations

import base64
import datetime as dates
import json
import math
import numbers
import os
import sys
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(enc_hook=lambda value: _hook(value)).encode

#: kinds of numpy arrays whose values are plain in a list
PLAIN_KINDS = "biufUO"


class NotJson(TypeError):
    """run() returned something that JSON has no form for."""


class _Slowly(TypeError):
    """Only `plain` can write this: an iterator, which can be read once, or a key that is no text."""


def encode(result: Any) -> bytes:
    """JSON. Text that is JSON already is sent as it is; NaN and infinity become null. Raises NotJson."""
    if isinstance(result, str):
        return _text(result)
    try:
        if "pyspark" in sys.modules:
            result = _rows_by_name(result)
        return _encode(result)
    except RecursionError:
        raise NotJson("run() returned something that is nested too deeply, or contains itself") from None
    except (TypeError, ValueError, OverflowError):  # keys that are not text, whole numbers over 64 bits, lone surrogates
        try:
            return json.dumps(plain(result), allow_nan=False, separators=(",", ":")).encode("ascii")
        except RecursionError:
            raise NotJson("run() returned something that is nested too deeply, or contains itself") from None


def _text(result: str) -> bytes:
    try:
        raw = result.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(result).encode("ascii")
    try:
        msgspec.json.decode(raw)
        return raw
    except (msgspec.DecodeError, RecursionError, ValueError):
        pass
    if ("NaN" in result or "Infinity" in result) and result.lstrip()[:1] in ("[", "{"):
        try:  # json.dumps writes these, JSON has no such thing
            return _encode(json.loads(result))
        except (ValueError, RecursionError):
            pass
    return _encode(result)


def _rows_by_name(value: Any) -> Any:
    """Spark's rows are tuples, which msgspec writes as lists without asking; what `collect()` gave is meant with its names."""
    if isinstance(value, tuple) and hasattr(value, "__fields__"):
        value = value.asDict()
    if isinstance(value, dict):
        return {name: _rows_by_name(each) for name, each in value.items()}
    if type(value) in (list, tuple):
        return [_rows_by_name(each) for each in value]
    return value


def _is(value: Any, module: str, name: str) -> bool:
    """Is it an instance of a class of a package that the driver has brought?"""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, type) and isinstance(value, found)


def _hook(value: Any) -> Any:
    """One step towards plain values, for what msgspec does not know."""
    if type(value).__name__ == "ndarray" and getattr(value, "ndim", 0) and value.dtype.kind in PLAIN_KINDS:
        return value.tolist()
    for kind in (str, bool, int, float):  # subclasses, numpy.float64 among them
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, dict):
        return dict(value)
    if type(value) in (list, tuple):  # msgspec asks for these where they are keys
        raise _Slowly
    if isinstance(value, (list, tuple)):
        return list(value)
    if _is(value, "pandas", "DataFrame"):
        if value.columns.is_unique:
            return [dict(zip((str(name) for name in value.columns), row)) for row in value.itertuples(index=False, name=None)]
        return [list(row) for row in value.itertuples(index=False, name=None)]
    if _is(value, "pandas", "Series") or _is(value, "pandas", "Index"):
        return list(value)
    if sys.modules.get("pandas") is not None and type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (dates.date, dates.time, dates.timedelta)):  # subclasses, pandas.Timestamp among them
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    if _is(value, "numpy", "datetime64"):
        text = str(value)
        return None if text == "NaT" else text
    if _is(value, "numpy", "timedelta64"):
        text = str(value)
        return None if text == "NaT" else text
    if _is(value, "numpy", "void") and value.dtype.names:
        return dict(zip(value.dtype.names, value.tolist()))
    if _is(value, "numpy", "ndarray") and (value.dtype.kind in "mMV"):
        return [value[index] for index in range(len(value))] if value.ndim else _hook(value[()])
    if _is(value, "numpy", "longdouble"):
        return float(value)
    if isinstance(value, numbers.Rational):  # a fraction; whole numbers have been written already
        return float(value)
    if isinstance(value, os.PathLike) or _is(value, "pandas", "Period") or _is(value, "pandas", "Interval"):
        return str(value)
    if isinstance(value, complex) or _is(value, "numpy", "clongdouble"):
        raise NotJson("run() returned a complex number, which JSON has no form for")
    for method in ("asDict", "toPandas", "detach", "toarray", "toArray", "tolist", "item", "numpy"):
        act = getattr(value, method, None)
        if callable(act) and not isinstance(value, type):
            if method == "detach":
                return act().cpu().tolist()
            return act()
    if hasattr(value, "__next__"):
        raise _Slowly
    if hasattr(value, "__iter__") and not isinstance(value, type):
        return list(value)
    raise NotJson(f"run() returned a {type(value).__module__}.{type(value).__qualname__}, which JSON has no form for")


def plain(value: Any) -> Any:
    """The slow way, for what msgspec refuses: keys become text, whole numbers may be of any size."""
    if value is None or value is True or value is False or type(value) in (int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is dict:
        return {_key(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) and not hasattr(value, "asDict"):
        return [plain(each) for each in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    if hasattr(value, "__next__") and not isinstance(value, type):  # read once: what it raises is the user's, and no end of the list
        return [plain(each) for each in value]
    try:
        return plain(json.loads(_encode(value)))
    except NotJson:
        raise
    except (TypeError, ValueError, OverflowError):
        return plain(_hook(value))


def _key(name: Any) -> str:
    if name is None or isinstance(name, bool):
        return json.dumps(name)
    return str(name)
