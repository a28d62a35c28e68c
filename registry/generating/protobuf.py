"""The wire format of protocol buffers, as far as one needs to find a few fields in a large file.

A library would read the whole message into memory, weights and all; here each field is only told where it lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MOST_FIELDS = 200_000


class Malformed(ValueError):
    """The bytes are no message."""


def fields(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(field number, wire type, place of its content, length) of a message that lies from `start` to `end`."""
    place, count = start, 0
    while place < end:
        count += 1
        if count > MOST_FIELDS:
            raise Malformed("it has too many parts")
        file.seek(place)
        head = file.read(20)
        tag, used = _varint(head, 0)
        wire, number_ = tag & 7, tag >> 3
        if number_ == 0:
            raise Malformed("a field has no number")
        if wire == 0:
            _, after = _varint(head, used)
            content, length = place + used, after - used
        elif wire == 1:
            content, length = place + used, 8
        elif wire == 5:
            content, length = place + used, 4
        elif wire == 2:
            length, after = _varint(head, used)
            content = place + after
        else:
            raise Malformed("a field is of an unknown kind")
        if content + length > end:
            raise Malformed("it ends too early")
        yield number_, wire, content, length
        place = content + length


def number(file: BinaryIO, place: int) -> int:
    file.seek(place)
    return _varint(file.read(10), 0)[0]


def text(file: BinaryIO, place: int, length: int) -> str:
    if length > 1000:
        raise Malformed("a name in it is too long")
    file.seek(place)
    return file.read(length).decode("utf-8", "replace")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """(the number, the place after it)"""
    found, shift = 0, 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        found |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return found, place
        shift += 7
    raise Malformed("a number in it does not end")
