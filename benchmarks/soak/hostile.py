"""What a service must survive: each attack with the statuses that are a right answer to it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass

from .wire import post

#: the connection may be ended without an answer
CLOSED = 0


@dataclass(frozen=True, slots=True)
class Attack:
    """`parts(path, key)` are sent `pause` seconds apart; `slow` ones have callers of their own, so that they do not hold up the others."""

    name: str
    right: frozenset[int]
    parts: Callable[[str, str], list[bytes]]
    pause: float = 0
    slow: bool = False


def attacks(good: dict) -> list[Attack]:
    """`good` is a right request body with one input that is a list of rows."""
    (name,) = good
    row = good[name][0]
    column = next(iter(row))

    def body(value: bytes) -> Callable[[str, str], list[bytes]]:
        return lambda path, key: [post(path, key, value)]

    def rows(change: dict) -> Callable[[str, str], list[bytes]]:
        return body(json.dumps({name: [{**row, **change}]}).encode())

    def raw(text: str) -> Callable[[str, str], list[bytes]]:
        return body(f'{{"{name}": [{{"{column}": {text}}}]}}'.encode())

    def framed(*headers: str, sent: bytes = b"{}") -> Callable[[str, str], list[bytes]]:
        return lambda path, key: [post(path, key, sent, *headers)]

    right = json.dumps(good).encode()
    bad = frozenset({400})
    return [
        Attack("not JSON", bad, body(b"{]")),
        Attack("nothing", bad, body(b"")),
        Attack("100,000 levels of lists", bad, body(b"[" * 100_000)),
        Attack("100,000 levels of objects", bad, body(b'{"a":' * 100_000)),
        Attack("a number of 100,000 digits", bad, raw("9" * 100_000)),
        Attack("a number of 1e400", bad, raw("1e400")),
        Attack("NaN", bad, raw("NaN")),
        Attack("a lone surrogate", bad, raw('"\\ud800"')),
        Attack("bytes that are not UTF-8", bad, body(b'{"\xff": 1}')),
        Attack("a name given twice", bad, raw(f'1, "{column}": "x"')),
        Attack("text for a number", bad, rows({column: "x"})),
        Attack("a column nobody knows", bad, rows({"no such column": 1})),
        Attack("10,000 unknown columns", bad, rows({f"c{number}": number for number in range(10_000)})),
        Attack("a text of 1 MiB", bad, rows({column: "x" * 2**20})),
        Attack("no rows", bad, body(json.dumps({name: []}).encode())),
        Attack("a gzip bomb", frozenset({415}), framed("Content-Encoding: gzip", sent=gzip.compress(bytes(2**22)))),
        Attack("another type", frozenset({415}), lambda path, key: [post(path, key, right).replace(b"application/json", b"image/png", 1)]),
        Attack("a terabyte announced", frozenset({413, CLOSED}), framed(f"Content-Length: {2**40}")),
        Attack("a length that is none", frozenset({400, CLOSED}), framed("Content-Length: many")),
        Attack("two lengths", frozenset({400, CLOSED}), framed("Content-Length: 2", "Content-Length: 3")),
        Attack("chunks that are none", frozenset({400, CLOSED}), framed("Transfer-Encoding: chunked", sent=b"zz\r\n")),
        Attack("not HTTP", frozenset({400, CLOSED}), lambda path, key: [b"\x16\x03\x01\x02\x00\x01\x00" * 50 + b"\r\n\r\n"]),
        Attack("a line of 64 KiB", frozenset({400, 414, 431, CLOSED}), framed("X-Long: " + "x" * 2**16)),
        Attack("500 headers", frozenset({400, 431, CLOSED}), framed(*(f"X-{number}: 1" for number in range(500)))),
        Attack("another method", frozenset({405}), lambda path, key: [post(path, key, right).replace(b"POST", b"DELETE", 1)]),
        Attack("a wrong key", frozenset({401}), lambda path, key: [post(path, key[:-4] + "AAAA", right)]),
        Attack("two keys", frozenset({401}), framed("Authorization: Bearer other")),
        Attack("the replicas' secret made up", frozenset({200}), framed("X-Modelport-Secret: guess", sent=right)),
        Attack("a path that climbs", frozenset({400, 401, 403, 404}), lambda path, key: [post(f"{path}/../../../etc/passwd", key, right)]),
        Attack("half a body, then silence", frozenset({408, CLOSED}), framed("Content-Length: 1000", sent=b"{"), slow=True),
        Attack(
            "a body a byte a second",
            frozenset({200, 408, CLOSED}),
            lambda path, key: [post(path, key, b"", f"Content-Length: {len(right)}"), *(bytes([byte]) for byte in right)],
            pause=1,
            slow=True,
        ),
        Attack("half a header, then silence", frozenset({408, CLOSED}), lambda path, key: [b"POST /demo HTTP/1.1\r\nHost:"], slow=True),
    ]
