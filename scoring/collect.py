"""Model data collection: rows of inputs and predictions, kept in a bounded spool until somebody pulls them.

Collecting never raises into a request and never changes what it was given.
"""

from __future__ import annotations

import contextvars
import csv
import io
import os
import sys
import urllib.parse
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .scrub import Rules
from .spool import Spool

NO_REQUEST = "00000000-0000-0000-0000-000000000000"
HEADER = ["$Timestamp", "$CorrelationId", "$RequestId"]
#: what stands for a model or a version that nobody has named
NOBODY = "-"
#: a row with more cells than this is kept as one list
MOST_COLUMNS = 2000

#: the id of the request that run() is working on
current_request: "contextvars.ContextVar[str]" = contextvars.ContextVar("modelport_request", default=NO_REQUEST)
#: takes what is collected while run() works on several requests at once (`sharing.Held`)
held: "contextvars.ContextVar[Any]" = contextvars.ContextVar("modelport_held", default=None)

spool = Spool()
_models: Sequence[Mapping[str, Any]] = ()
_rules: Optional[Rules] = None

Table = Tuple[List[str], List[List[Any]]]


def configure(models: Sequence[Mapping[str, Any]]) -> None:
    """Before user code: the bundle's models, by whose names collectors are known, and the rules of the environment.

    Raises ValueError for rules that cannot be read: without them nothing may be collected.
    """
    global _models, _rules
    _models, _rules = models, Rules.from_environment()


def models() -> Sequence[Mapping[str, Any]]:
    """Those of the bundle: {name, version, id, path}."""
    return _models


def rules() -> Rules:
    global _rules
    if _rules is None:
        _rules = Rules.from_environment()
    return _rules


def answer(query: str) -> bytes:
    """What `GET /collected?<query>` answers: `after` is the last number that arrived, `spool` whose number it is. Raises ValueError."""
    asked = urllib.parse.parse_qs(query)
    after = asked.get("after", ["0"])[0]
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise ValueError("`after` is the last sequence number that arrived.")
    return spool.pull(int(after), of=asked.get("spool", [""])[0])


def _on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() == "true"


def tabulate(data: Any, feature_names: Optional[List[str]]) -> Optional[Table]:
    """Column names and rows of a frame (pandas or Spark), an array, a list or objects; None when it is none of them.

    A list or an array of one dimension is one row. Columns without a name are called by their place: 0, 1, ...
    """
    if not hasattr(data, "itertuples") and hasattr(data, "toPandas"):
        data = data.toPandas()
    if hasattr(data, "itertuples") and hasattr(data, "columns"):
        # Column by column: a frame's own rows cost ten times as much.
        cells = [series.tolist() for _, series in data.items()]
        return _even([str(name) for name in data.columns], [list(row) for row in zip(*cells)])
    if hasattr(data, "tolist") and hasattr(data, "ndim"):
        data = data.tolist() if data.ndim else [data.tolist()]
    if isinstance(data, Mapping):
        data = [data]
    if not isinstance(data, (list, tuple)):
        return None
    if data and all(isinstance(row, Mapping) for row in data):
        names = list(dict.fromkeys(str(name) for row in data for name in row))
        return _even(names, [[{str(k): v for k, v in row.items()}.get(name) for name in names] for row in data])
    rows = [list(row) for row in data] if data and all(isinstance(row, (list, tuple)) for row in data) else [list(data)]
    return _even([str(name) for name in feature_names or []], rows)


def _even(columns: List[str], rows: List[List[Any]]) -> Table:
    """As many names as cells in each row, and no name twice."""
    width = max([len(columns), *map(len, rows)])
    if len(columns) < width or len(set(columns)) < width:
        names: Dict[str, None] = {}
        for place in range(width):
            name = copy = columns[place] if place < len(columns) else str(place)
            count = 0
            while copy in names:
                count += 1
                copy = f"{name}.{count}"
            names[copy] = None
        columns = list(names)
    return columns, [row if len(row) == width else row + [None] * (width - len(row)) for row in rows]


def guarded(act: Callable[..., None], *given: Any) -> None:
    """Whatever was collected, the request goes on."""
    try:
        act(*given)
    except Exception as error:
        spool.lose(1)
        print(f"Data collection failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


class Correlated(list):
    """Rows with the correlation that `add_correlations` gave them."""

    correlation = ""


class ModelDataCollector:
    """The original's collector: `collect(rows, user_correlation_id)` once for inputs and once for predictions.

    Rows are kept when AML_MODEL_DC_STORAGE_ENABLED is true, printed as CSV when AML_MODEL_DC_DEBUG is true; otherwise
    nothing happens, which is said once. Name and version of the model are those of the image, where it has one of this
    name or file name. The successor says `designation` for the identifier.
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
        self.model_name, self.identifier = str(model_name), str(others.get("designation", identifier))
        self.feature_names = list(feature_names) if feature_names is not None else None
        self.model_id, self.model_version = model_id, str(model_version)
        self.enabled, self.debug = _on("AML_MODEL_DC_STORAGE_ENABLED"), _on("AML_MODEL_DC_DEBUG")
        if not self.enabled and not self.debug and not ModelDataCollector._notice_given:
            ModelDataCollector._notice_given = True
            print("Data collection is off for this service (AML_MODEL_DC_STORAGE_ENABLED).", flush=True)

    def collect(self, input_data: Any, user_correlation_id: str = "") -> Optional[Dict[str, str]]:
        """The correlation of these rows, for `add_correlations`; None when nothing is kept."""
        together = held.get()
        if together is None and not self.enabled and not self.debug:
            return None
        correlation = str(user_correlation_id or "")
        guarded(together.take if together is not None else self._keep_one, self, input_data, correlation)
        if together is not None:
            return None
        return dict(zip(HEADER, (_now(), correlation, current_request.get())))

    def add_correlations(self, input_data: Any, correlations: Optional[Mapping[str, str]]) -> Any:
        """The same data, knowing what it belongs to when it is collected; what was given is not changed."""
        correlation = str((correlations or {}).get("$CorrelationId") or "")
        if not correlation:
            return input_data
        if hasattr(input_data, "toPandas"):
            input_data = input_data.toPandas()
        if hasattr(input_data, "assign") and hasattr(input_data, "columns"):
            return input_data.assign(**{"$CorrelationId": correlation})
        rows = Correlated(input_data.tolist() if hasattr(input_data, "tolist") else input_data)
        rows.correlation = correlation
        return rows

    @staticmethod
    def _keep_one(collector: "ModelDataCollector", data: Any, correlation: str) -> None:
        correlation = correlation or getattr(data, "correlation", "")
        collector.keep(tabulate(data, collector.feature_names), current_request.get(), correlation, type(data))

    def keep(self, table: Optional[Table], request: str, correlation: str, given: Any = None) -> None:
        """Rows as `tabulate` gives them, of the request with this id."""
        if table is None:
            print(f"Data collection takes a list, an array or a frame, not {given.__name__}.", file=sys.stderr, flush=True)
            return
        if "$CorrelationId" in table[0]:
            table, correlation = _without_header(table, correlation)
        columns, rows = rules().apply(*table)
        if len(columns) > MOST_COLUMNS:
            columns, rows = ["values"], [[row] for row in rows]
        stamp = _now()
        if self.debug:
            out = io.StringIO()
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(HEADER + columns)
            writer.writerows([stamp, correlation, request, *row] for row in rows)
            print(out.getvalue(), end="", flush=True)
        if self.enabled and rows:
            model, version = self._model()
            batch = {
                "model": model,
                "modelVersion": version,
                "identifier": self.identifier,
                "timestamp": stamp,
                "correlationId": correlation,
                "requestId": request,
                "columns": columns,
                "rows": rows,
            }
            spool.add(batch, len(rows))

    def _model(self) -> Tuple[str, str]:
        """Name and version as they are registered, or as the score file says."""
        for model in _models:
            if self.model_name in (model.get("name"), model.get("path"), str(model.get("path")).rpartition("/")[2]):
                return str(model["name"]), str(model["version"])
        said = self.model_version if self.model_version not in ("unknown", "default", "") else NOBODY
        return self.model_name or NOBODY, said


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()


def _without_header(table: Table, correlation: str) -> Tuple[Table, str]:
    """The table without the columns that `add_correlations` puts in, and what they say."""
    columns, rows = table
    at = columns.index("$CorrelationId")
    kept = [place for place, name in enumerate(columns) if name not in HEADER]
    found = next((str(row[at]) for row in rows if row[at]), "")
    return ([columns[place] for place in kept], [[row[place] for place in kept] for row in rows]), correlation or found


class CorrelationContext:
    """What `Collector.collect` answers: rows that are collected with it belong together."""

    def __init__(self, id: Optional[str] = None, success: bool = True, message: str = ""):
        self._id, self._success, self._message = id or "", success, message

    def get_id(self) -> str:
        return self._id

    def is_success(self) -> bool:
        return self._success

    def get_message(self) -> str:
        return self._message


class Collector:
    """The second successor's collector: `context = inputs.collect(frame)`, then `outputs.collect(frame, context)`.

    `on_error` is called with what was wrong; left out, it is printed. Neither fails the request.
    """

    def __init__(self, *, name: str, on_error: Optional[Callable[[Exception], Any]] = None):
        sole = _models[0]["name"] if len(_models) == 1 else NOBODY
        self._collector, self.on_error = ModelDataCollector(sole, identifier=name), on_error

    def collect(self, data: Any, correlation_context: Any = None) -> CorrelationContext:
        if not hasattr(data, "itertuples"):
            return self._refuse(f"data type ({type(data).__name__}) not supported, supported types: pandas.DataFrame")
        correlation = str(correlation_context.get_id()) if correlation_context is not None else ""
        found = self._collector.collect(data, correlation)
        return CorrelationContext(correlation or (found or {}).get("$RequestId", ""))

    def _refuse(self, message: str) -> CorrelationContext:
        if self.on_error is None:
            print(f"Data collection: {message}", file=sys.stderr, flush=True)
        else:
            guarded(self.on_error, TypeError(message))
        return CorrelationContext("", False, message)
