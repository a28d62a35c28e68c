"""`application/x-npy`: one array as numpy.save() writes it. Objects (pickles) are refused before anything is unpacked."""

from __future__ import annotations

import io
from typing import Any, List

from ..errors import BadInput
from ..schema import Type
from ..values import Array, Faults, Node
from .columns import MOST_CELLS, numbers, unreadable

LONGEST_HEADER = 10_000


def read(kind: Type, body: Any, at: str, faults: Faults) -> Any:
    array = _array(body)
    shape = kind.shape  # type: ignore[attr-defined]
    if array.ndim != len(shape):
        faults.add("WrongShape", f"expected an array with {len(shape)} dimensions, got one with {array.ndim}", at)
        return None
    if array.ndim and (array.shape[1:] != tuple(shape[1:]) or not array.shape[0]):
        wanted = ", ".join(["at least 1", *map(str, shape[1:])])
        faults.add("WrongShape", f"expected the shape ({wanted}), got {tuple(array.shape)}", at)
        return None
    dtype = kind.dtype  # type: ignore[attr-defined]
    if isinstance(dtype, str) and dtype.rstrip("0123456789") in ("int", "uint", "float", "bool") and array.dtype.kind in "iufb":
        return numbers(array.reshape(-1), _leaf(kind.node()), dtype, lambda index: _pointer(at, index, array.shape), faults).reshape(
            array.shape
        )
    if array.size > MOST_CELLS // 10:
        raise unreadable(f"An array of this type has at most {MOST_CELLS // 10} cells.")
    return kind.read(_plain(array), at, faults)


def _array(body: Any) -> Any:
    """The array, in the body's own memory; its header says no more than the body holds."""
    import numpy
    from numpy.lib import format as npy

    file = io.BytesIO(bytes(body[: LONGEST_HEADER + 20]))
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise unreadable(f"The npy format has version {version[0]}.{version[1]}; 1.0 and 2.0 are read.")
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(file, max_header_size=LONGEST_HEADER)
    except BadInput:
        raise
    except Exception as error:  # the header is an expression of Python's, and its reader raises what that reader raises
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise unreadable(f"The body is not an array as numpy.save() writes it: {said}") from None
    if dtype.hasobject:
        raise unreadable("The array holds Python objects (a pickle); these are not read. Send numbers or text.")
    count = 1
    for length in shape:
        count *= length
    held = len(body) - file.tell()
    if any(length < 0 for length in shape) or len(shape) > 32 or count * dtype.itemsize != held:
        raise unreadable(f"The header says {count} cells of {dtype.itemsize} bytes, {held} bytes follow.")
    if not dtype.itemsize:
        raise unreadable("The array's cells have no bytes.")
    flat = numpy.frombuffer(body, dtype=dtype, count=count, offset=file.tell()) if count else numpy.empty(0, dtype=dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _leaf(node: Node) -> Node:
    while isinstance(node, Array):
        node = node.item
    return node


def _pointer(at: str, index: int, shape: Any) -> str:
    steps: List[str] = []
    for length in reversed(shape):
        index, step = divmod(index, length)
        steps.append(str(step))
    return "/".join([at, *reversed(steps)]) if steps else at


def _plain(array: Any) -> Any:
    """Cells as JSON has them, which is how the schema checks dates, text, bytes and records."""
    from ..samples import cells

    return cells(array)
