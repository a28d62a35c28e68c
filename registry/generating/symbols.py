"""Pickles read as a description: what would be made, never making it.

A pickle is a program for a small stack machine. Here every global is only a name and every call only a note, so nothing
of anybody's code runs and no package is needed. What a hostile file could use against its reader is bounded: bytes read,
instructions, the length of texts; only text is a key of a dictionary, and nothing is hashed or compared.

joblib writes the bytes of arrays between the instructions; they are walked past.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

MOST_BYTES, MOST_STEPS, MOST_AT_ONCE, LONGEST_TEXT = 2**30, 1_500_000, 16 * 2**20, 2**20
#: bytes that are kept; more is walked past
KEPT_BYTES = 256
DEEPEST = 3
_MAGICS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open), (b"\x5d\x00", lzma.open))


class NotAPickle(ValueError):
    """These bytes are no pickle that can be read, or one that is too large to look at."""


class Global:
    """A name in a pickle: `sklearn.svm._classes.SVC`."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class Made:
    """Something that a pickle would make: by which name, of which arguments, with which state."""

    __slots__ = ("args", "entries", "global_", "state")

    def __init__(self, global_: Any, args: Any = ()):
        self.global_, self.args, self.state, self.entries = global_, args, None, {}

    @property
    def module(self) -> str:
        return self.global_.module if isinstance(self.global_, Global) else ""

    @property
    def name(self) -> str:
        return self.global_.name if isinstance(self.global_, Global) else ""

    def get(self, key: str) -> Any:
        """An attribute of its state, or None."""
        return self.state.get(key) if isinstance(self.state, dict) else None


class _Bounded:
    """A file that gives so much and no more."""

    def __init__(self, file: BinaryIO):
        self._file, self._left = file, MOST_BYTES

    def read(self, size: int) -> bytes:
        if size < 0 or size > MOST_AT_ONCE or size > self._left:
            raise NotAPickle("it is too large to be looked at")
        self._left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        self._left -= LONGEST_TEXT // 1024
        line = self._file.readline(LONGEST_TEXT)
        if self._left < 0 or not line.endswith(b"\n"):
            raise NotAPickle("a line in it does not end")
        return line

    def walk_past(self, size: int) -> None:
        while size > 0:
            part = self.read(min(size, 2**20))
            if not part:
                raise NotAPickle("it ends in the middle of an array")
            size -= len(part)


class _Zlib:
    """joblib's compress=True, read from its beginning to its end."""

    def __init__(self, file: BinaryIO):
        self._file, self._made, self._rest = file, zlib.decompressobj(), b""

    def _fill(self, size: int) -> None:
        while len(self._rest) < size and not self._made.eof:
            given = self._made.unconsumed_tail or self._file.read(2**16)
            if not given:
                return
            self._rest += self._made.decompress(given, 2**20)

    def read(self, size: int) -> bytes:
        self._fill(size)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def readline(self, size: int) -> bytes:
        found = -1
        wanted = 256
        while found < 0 and wanted <= size:
            self._fill(wanted)
            found = self._rest.find(b"\n", 0, wanted)
            wanted *= 2
        return self.read(found + 1 if found >= 0 else min(size, len(self._rest)))


class _Reader(pickle._Unpickler):
    """Python's own unpickler in Python, with every instruction that makes something replaced."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: _Bounded, globals_: set[tuple[str, str]], depth: int = 0):
        super().__init__(file, fix_imports=False, encoding="latin1")
        self._bounded, self._globals, self._depth, self._steps = file, globals_, depth, 0

    def load(self) -> Any:
        self._unframer = pickle._Unframer(self._file_read, self._file_readline)
        self.read, self.readinto, self.readline = self._unframer.read, self._unframer.readinto, self._unframer.readline
        self.metastack, self.stack, self.proto = [], [], 0
        self.append = self.stack.append
        while True:
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise NotAPickle("it has too many parts to be looked at")
            key = self.read(1)
            if not key:
                raise NotAPickle("it ends too early")
            try:
                act = self.dispatch[key[0]]
            except KeyError:
                raise NotAPickle("it is no pickle") from None
            try:
                act(self)
            except pickle._Stop as stop:
                return stop.value

    def find_class(self, module: str, name: str) -> Global:
        self._globals.add((module, name))
        return Global(module, name)

    def persistent_load(self, pid: Any) -> Made:
        return Made(Global("", "persistent"), pid)

    def get_extension(self, code: int) -> None:
        self.append(Made(None))

    def _bytes(self, size: int) -> None:
        if size <= KEPT_BYTES:
            self.append(self.read(size))
            return
        left = size
        while left > 0:
            part = self.read(min(left, 2**20))
            if not part:
                raise NotAPickle("it ends too early")
            left -= len(part)
        self.append(b"")

    def _text(self, size: int) -> None:
        if size <= LONGEST_TEXT:
            self.append(self.read(size).decode("utf-8", "replace"))
        else:
            self._bytes(size)
            self.stack[-1] = ""

    def _length(self, width: int) -> int:
        return int.from_bytes(self.read(width), "little")

    def _call(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = Made(self.stack[-1], args)

    def _call_with_names(self) -> None:
        named, args, made = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.append(Made(made, args))
        self.stack[-1].state = named

    def _call_marked(self) -> None:
        args = self.pop_mark()
        self.append(Made(args[0] if args else None, tuple(args[1:])))

    def _call_named(self) -> None:
        module, name = (self.readline()[:-1].decode("latin1") for _ in range(2))
        self.append(Made(self.find_class(module, name), tuple(self.pop_mark())))

    def _build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, Made):
            return
        made.state = state
        if made.name in ("NumpyArrayWrapper", "NDArrayWrapper") and made.module.startswith("joblib."):
            self.stack[-1] = self._array(made)

    def _array(self, wrapper: Made) -> Any:
        """joblib's array: its bytes follow, or, for objects, another pickle."""
        dtype, shape = wrapper.get("dtype"), wrapper.get("shape")
        code = dtype.args[0] if isinstance(dtype, Made) and dtype.args and isinstance(dtype.args[0], str) else ""
        if not isinstance(shape, tuple) or not all(type(each) is int and 0 <= each < 2**40 for each in shape):
            raise NotAPickle("an array in it has no shape")
        if code.startswith("O"):
            if self._depth >= DEEPEST:
                raise NotAPickle("it is nested too deeply")
            return _Reader(self._bounded, self._globals, self._depth + 1).load()
        size = (4 if code[:1] == "U" else 1) * int(code[1:] if code[1:].isdigit() else 0)
        for length in shape:
            size *= length
        if type(wrapper.get("numpy_array_alignment_bytes")) is int:
            self._bounded.walk_past(self._bounded.read(1)[0])
        self._bounded.walk_past(size)
        return wrapper

    def _put(self, target: Any, key: Any, value: Any) -> None:
        entries = target.entries if isinstance(target, Made) else target
        if isinstance(entries, dict) and type(key) is str:
            entries[key] = value

    def _put_one(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._put(self.stack[-1], key, value)

    def _put_many(self) -> None:
        items = self.pop_mark()
        for key, value in zip(items[::2], items[1::2], strict=False):
            self._put(self.stack[-1], key, value)

    def _dict(self) -> None:
        items, made = self.pop_mark(), {}
        for key, value in zip(items[::2], items[1::2], strict=False):
            self._put(made, key, value)
        self.append(made)

    def _add_one(self) -> None:
        value = self.stack.pop()
        if isinstance(self.stack[-1], list):
            self.stack[-1].append(value)

    def _add_many(self) -> None:
        items = self.pop_mark()
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)


for _codes, _act in {
    (pickle.BINBYTES, pickle.BINSTRING): lambda self: self._bytes(self._length(4)),
    (pickle.BINBYTES8, pickle.BYTEARRAY8): lambda self: self._bytes(self._length(8)),
    (pickle.BINUNICODE,): lambda self: self._text(self._length(4)),
    (pickle.BINUNICODE8,): lambda self: self._text(self._length(8)),
    (pickle.REDUCE, pickle.NEWOBJ): _Reader._call,
    (pickle.NEWOBJ_EX,): _Reader._call_with_names,
    (pickle.OBJ,): _Reader._call_marked,
    (pickle.INST,): _Reader._call_named,
    (pickle.BUILD,): _Reader._build,
    (pickle.SETITEM,): _Reader._put_one,
    (pickle.SETITEMS,): _Reader._put_many,
    (pickle.DICT,): _Reader._dict,
    (pickle.EMPTY_SET,): lambda self: self.append([]),
    (pickle.ADDITEMS, pickle.APPENDS): _Reader._add_many,
    (pickle.APPEND,): _Reader._add_one,
    (pickle.FROZENSET,): lambda self: self.append(self.pop_mark()),
    (pickle.NEXT_BUFFER,): lambda self: self.append(b""),
    (pickle.READONLY_BUFFER,): lambda self: None,
}.items():
    for _code in _codes:
        _Reader.dispatch[_code[0]] = _act


class Description:
    """`root` is what would come out; `globals` all names (module, name) that the pickle uses."""

    def __init__(self, root: Any, globals_: set[tuple[str, str]]):
        self.root, self.globals = root, globals_

    def made(self) -> Iterator[Made]:
        """Everything that would be made, what lies nearer to the root first; at most 100,000 things are looked at."""
        waiting, seen = [self.root], set()
        for each in waiting:
            if len(seen) > 100_000:
                return
            if id(each) in seen:
                continue
            seen.add(id(each))
            if isinstance(each, Made):
                yield each
                waiting += [each.state, each.entries, each.args]
            elif isinstance(each, dict):
                waiting += each.values()
            elif isinstance(each, list | tuple):
                waiting += each


def describe(file: BinaryIO) -> Description:
    """Reads a pickle or a joblib file, compressed or not. Raises NotAPickle."""
    magic = file.read(6)
    file.seek(0)
    opened: Any = file
    for sign, opener in _MAGICS:
        if magic.startswith(sign):
            opened = opener(file)
    if magic[:1] == b"\x78" and len(magic) > 1 and (magic[0] * 256 + magic[1]) % 31 == 0:
        opened = _Zlib(file)
    globals_: set[tuple[str, str]] = set()
    try:
        return Description(_Reader(_Bounded(opened), globals_).load(), globals_)
    except NotAPickle:
        raise
    except Exception as error:  # a pickle is a program: whatever it breaks is the file's fault
        raise NotAPickle(str(error)[:200] or type(error).__name__) from None


def items_of(found: Any) -> list | None:
    """The items of an array of objects (numpy's, plain or by joblib) or of a list; None when they are not written out."""
    if isinstance(found, list | tuple):
        return list(found)
    if isinstance(found, Made) and isinstance(found.state, tuple) and len(found.state) == 5 and isinstance(found.state[4], list):
        return found.state[4]
    return None
