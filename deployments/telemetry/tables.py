"""The charts' numbers as a table: the twin for readers, spreadsheets and screens that do not draw."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from deployments.telemetry.series import CLASSES, QUANTILES

#: characters at the beginning of a cell that a spreadsheet takes for a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(metrics: dict) -> tuple[list[str], list[list]]:
    """(head, rows) of what `series.metrics` answered; empty cells are None."""
    columns: list[tuple[str, list]] = [(f"calls {name}", metrics["calls"][name]) for name in CLASSES]
    columns += [(f"{name} ms", metrics["latencyMs"][name]) for name in QUANTILES]
    columns += [("errors %", metrics["errorPercent"])]
    columns += [(f"replicas {name}", metrics["replicas"][name]) for name in ("ready", "desired")]
    columns += [("bytes in", metrics["bytes"]["in"]), ("bytes out", metrics["bytes"]["out"])]
    for usage in metrics["usage"]:
        columns += [(f"{usage['replica']} cores", usage["cpu"]), (f"{usage['replica']} bytes of memory", usage["memory"])]
        columns += [(f"{usage['replica']} {name}", usage[name]) for name in ("running", "waiting")]
    times = [datetime.fromtimestamp(second, UTC).isoformat() for second in metrics["times"]]
    return ["time", *(name for name, _ in columns)], [list(row) for row in zip(times, *(values for _, values in columns), strict=True)]


def as_csv(metrics: dict) -> str:
    head, rows = table(metrics)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([f"'{name}" if name.startswith(FORMULA) else name for name in head])
    writer.writerows(rows)
    return out.getvalue()
