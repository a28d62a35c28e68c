"""Closed batches of collected rows, in order and bounded, until somebody has taken them.

A replica has one spool, in the process that answers `/collected`. A process that does not answer
puts another object with `add` and `lose` in its place (`collect.spool`), which sends them on.
"""

from __future__ import annotations

import collections
import os
import secrets
import threading
from typing import Any, Deque, Dict, Tuple

from . import outputs

#: model, its version, identifier of the collector
Stream = Tuple[str, str, str]
UNKNOWN: Stream = ("-", "-", "-")
#: streams whose losses are told apart; the rest is counted together
MOST_STREAMS = 200


class Spool:
    """At most `limit` bytes; when it is full the oldest rows go, and are counted.

    `id` is another one in each process, and sequence numbers start at 1 and never repeat
    under one id: the two together name a batch for ever, so nobody need store one twice.
    """

    #: do other processes send rows to it too, and may some yet come? (`relay.Relay`)
    shared = coming = False

    def __init__(self, limit: int = 16 * 1024 * 1024):
        self.limit = limit
        self._lock = threading.Lock()
        self._begin()
        # After a fork both processes would number their batches alike.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self.id, self.size, self.last, self.dropped = secrets.token_hex(8), 0, 0, 0
        self._lock = threading.Lock()
        self._batches: Deque[Tuple[int, Stream, int, bytes]] = collections.deque()
        self._lost: Dict[Stream, int] = {}

    def add(self, batch: Dict[str, Any], rows: int) -> None:
        """`batch` has `model`, `modelVersion`, `identifier` and whatever can be JSON."""
        self.put((batch["model"], batch["modelVersion"], batch["identifier"]), rows, outputs.encode(batch))

    def put(self, stream: Stream, rows: int, raw: bytes) -> None:
        """A batch that is JSON already."""
        with self._lock:
            if len(raw) > self.limit // 4:
                self._lose(stream, rows)
                return
            self.last += 1
            self._batches.append((self.last, stream, rows, raw))
            self.size += len(raw)
            while self.size > self.limit:
                _, old, lost, gone = self._batches.popleft()
                self.size -= len(gone)
                self._lose(old, lost)

    def lose(self, rows: int, stream: Stream = UNKNOWN) -> None:
        """Rows that never became a batch."""
        with self._lock:
            self._lose(stream, rows)

    def _lose(self, stream: Stream, rows: int) -> None:
        self.dropped += rows
        if stream not in self._lost and len(self._lost) >= MOST_STREAMS:
            stream = UNKNOWN
        self._lost[stream] = self._lost.get(stream, 0) + rows

    @property
    def waiting(self) -> int:
        """Rows that nobody has taken yet."""
        with self._lock:
            return sum(rows for _, _, rows, _ in self._batches)

    def pull(self, after: int, most: int = 1024 * 1024, *, of: str = "") -> bytes:
        """Batches numbered above `after` (about `most` bytes), which also says that those up to `after` arrived and may go.

        `of` is the id that the asker's number belongs to; a number of another spool's says nothing about this one.
        """
        if of and of != self.id:
            after = 0
        with self._lock:
            while self._batches and self._batches[0][0] <= after:
                self.size -= len(self._batches.popleft()[3])
            parts, taken, upto = [], 0, after
            for sequence, _, _, raw in self._batches:
                if parts and taken + len(raw) > most:
                    break
                parts.append(b'{"sequence":%d,%b' % (sequence, raw[1:]))
                taken, upto = taken + len(raw), sequence
            more = bool(self._batches) and upto < self._batches[-1][0]
            lost = [
                {"model": model, "modelVersion": version, "identifier": name, "rows": rows}
                for (model, version, name), rows in self._lost.items()
            ]
            head = b'{"spool":"%b","next":%d,"more":%b,"dropped":%d,"lost":%b,"batches":[' % (
                self.id.encode("ascii"),
                upto,
                b"true" if more else b"false",
                self.dropped,
                outputs.encode(lost),
            )
            return head + b",".join(parts) + b"]}"
