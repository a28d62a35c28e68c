"""Model data collection: rows of inputs and predictions, kept in a bounded ring until somebody pulls them.

Collecting never raises into a request and never changes what it was given. When the
ring is full the oldest rows go, and how many went is counted and told.
"""

from __future__ import annotations

import collections
import contextvars
import csv
import io
import os
import sys
import threading
from datetime import datetime, timezone
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from . import outputs

NO_REQUEST = "00000000-0000-0000-0000-000000000000"
HEADER = ["$Timestamp", "$CorrelationId", "$RequestId"]

#: the id of the request that run() is working on
current_request: "contextvars.ContextVar[str]" = contextvars.ContextVar("modelport_request", default=NO_REQUEST)
#: takes what is collected while run() works on several requests at once (`sharing.Held`)
held: "contextvars.ContextVar[Any]" = contextvars.ContextVar("modelport_held", default=None)


class Spool:
    """Encoded batches in order; at most `limit` bytes. Sequence numbers start at 1 and never repeat in a process."""

    def __init__(self, limit: int = 16 * 1024 * 1024):
        self.limit, self.size, self.last, self.dropped = limit, 0, 0, 0
        self._batches: Deque[Tuple[int, int, bytes]] = collections.deque()
        self._lock = threading.Lock()

    def add(self, batch: Dict[str, Any], rows: int) -> None:
        raw = outputs.encode(batch)
        with self._lock:
            if len(raw) > self.limit // 4:
                self.dropped += rows
                return
            self.last += 1
            self._batches.append((self.last, rows, raw))
            self.size += len(raw)
            while self.size > self.limit:
                _, lost, old = self._batches.popleft()
                self.size -= len(old)
                self.dropped += lost

    def drop(self, rows: int) -> None:
        with self._lock:
            self.dropped += rows

    def pull(self, after: int, most: int = 1024 * 1024) -> bytes:
        """Batches numbered above `after` (about `most` bytes), which also says that those up to `after` arrived and may go."""
        with self._lock:
            while self._batches and self._batches[0][0] <= after:
                self.size -= len(self._batches.popleft()[2])
            parts, taken, upto = [], 0, after
            for sequence, _, raw in self._batches:
                if parts and taken + len(raw) > most:
                    break
                parts.append(b'{"sequence":%d,%b' % (sequence, raw[1:]))
                taken, upto = taken + len(raw), sequence
            more = bool(self._batches) and upto < self._batches[-1][0]
            head = b'{"next":%d,"more":%s,"dropped":%d,"batches":[' % (upto, b"true" if more else b"false", self.dropped)
            return head + b",".join(parts) + b"]}"


spool = Spool()


def _on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() == "true"


def tabulate(data: Any, feature_names: Optional[List[str]]) -> Optional[Tuple[List[str], List[List[Any]]]]:
    """Column names and rows of a list, array or frame (pandas or Spark); None when it is none of them."""
    if hasattr(data, "toPandas"):
        data = data.toPandas()
    if hasattr(data, "itertuples") and hasattr(data, "columns"):
        return [str(name) for name in data.columns], [list(row) for row in data.itertuples(index=False, name=None)]
    if hasattr(data, "tolist") and hasattr(data, "ndim"):
        data = data.tolist() if data.ndim else [data.tolist()]
    if not isinstance(data, (list, tuple)):
        return None
    rows = [list(row) for row in data] if data and all(isinstance(row, (list, tuple)) for row in data) else [list(data)]
    return [str(name) for name in feature_names or []], rows


def guarded(act: Callable[..., None], *given: Any) -> None:
    """Whatever was collected, the request goes on."""
    try:
        act(*given)
    except Exception as error:
        spool.drop(1)
        print(f"Data collection failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


class ModelDataCollector:
    """The original's collector: `collect(rows, user_correlation_id)` once for inputs and once for predictions.

    Rows are kept when AML_MODEL_DC_STORAGE_ENABLED is true, printed as CSV when
    AML_MODEL_DC_DEBUG is true; otherwise nothing happens, which is said once.
    """

    _notice_given = False

    def __init__(
        self,
        model_name: str,
        identifier: str = "default",
        feature_names: Optional[List[str]] = None,
        model_management_account_id: str = "unknown",
        webservice_name: str = "unknown",
        model_id: str = "unknown",
        model_version: str = "unknown",
        **others: Any,
    ):
        self.model_name, self.identifier = str(model_name), str(identifier)
        self.feature_names = list(feature_names) if feature_names is not None else None
        self.model_id, self.model_version = model_id, model_version
        self.enabled, self.debug = _on("AML_MODEL_DC_STORAGE_ENABLED"), _on("AML_MODEL_DC_DEBUG")
        if not self.enabled and not self.debug and not ModelDataCollector._notice_given:
            ModelDataCollector._notice_given = True
            print("Data collection is off for this service (AML_MODEL_DC_STORAGE_ENABLED).", flush=True)

    def collect(self, input_data: Any, user_correlation_id: str = "") -> None:
        together = held.get()
        if together is None and not self.enabled and not self.debug:
            return
        guarded(together.take if together is not None else self._keep_one, self, input_data, str(user_correlation_id))

    @staticmethod
    def _keep_one(collector: "ModelDataCollector", data: Any, correlation: str) -> None:
        collector.keep(tabulate(data, collector.feature_names), current_request.get(), correlation, type(data))

    def keep(self, table: Optional[Tuple[List[str], List[List[Any]]]], request: str, correlation: str, given: Any = None) -> None:
        """Rows as `tabulate` gives them, of the request with this id."""
        if table is None:
            print(f"Data collection takes a list, an array or a frame, not {given.__name__}.", file=sys.stderr, flush=True)
            return
        columns, rows = table
        stamp = datetime.now(timezone.utc).isoformat()
        if self.debug:
            out = io.StringIO()
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(HEADER + columns)
            writer.writerows([stamp, correlation, request, *row] for row in rows)
            print(out.getvalue(), end="", flush=True)
        if self.enabled:
            batch = {
                "model": self.model_name,
                "modelVersion": str(self.model_version),
                "identifier": self.identifier,
                "timestamp": stamp,
                "correlationId": correlation,
                "requestId": request,
                "columns": columns,
                "rows": rows,
            }
            spool.add(batch, len(rows))
