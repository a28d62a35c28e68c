"""One line of the gateway's call log -> one `Call`. The fields are written by `deployments.gateway.rules`."""

from __future__ import annotations

import re
from dataclasses import dataclass

MARK = "call1"
BACKEND = re.compile(r"r_([0-9a-f]{32})_(\d+)")
#: the header of RFC 5424 before the text: priority, version, time, host, program, process, message id, structured data
HEADER = re.compile(r"<\d{1,3}>1 (?:\S+ ){5}(?:-|\[.*?\]) ?\ufeff?")


class BadLine(ValueError):
    """Not a line of ours, or cut off."""


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call.

    `started_us` is microseconds since 1970 and `total_us` the time from the
    request's headers to the last byte of the answer. `service`, `key` and
    `server` are "" and `revision` None where the call did not get so far.
    `status` is 0 when the connection ended before any. `path_class` is "score",
    "swagger" or "other"; `termination` HAProxy's two letters and cookie flags.
    """

    started_us: int
    service: str
    revision: int | None
    server: str
    key: str
    method: str
    path_class: str
    status: int
    bytes_in: int
    bytes_out: int
    total_us: int
    termination: str
    request_id: str


def parse(line: str) -> Call:
    """Raises BadLine. Takes the text with or without its syslog header."""
    text = HEADER.sub("", line.strip(), count=1)
    words = text.split(" ")
    if len(words) != 14 or words[0] != MARK:
        raise BadLine(f"not a call line: {line[:200]!r}")
    _, started, service, backend, server, key, method, path_class, status, size_in, size_out, total, ended, request_id = words
    found = BACKEND.fullmatch(backend)
    try:
        return Call(
            started_us=int(started),
            service=_given(service),
            revision=int(found.group(2)) if found else None,
            # The part after the last dot is a hash of the address, added by the gateway.
            server="" if server.startswith("<") else server.rpartition(".")[0],
            key=_given(key),
            method=_given(method),
            path_class=_given(path_class) or "other",
            status=max(int(status), 0),
            bytes_in=int(size_in),
            bytes_out=int(size_out),
            total_us=max(int(total), 0),
            termination=ended,
            request_id=_given(request_id),
        )
    except ValueError as error:
        raise BadLine(f"not a call line: {line[:200]!r}") from error


def _given(word: str) -> str:
    return "" if word == "-" else word
