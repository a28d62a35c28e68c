"""Small pictures of the last hour, drawn by the server: no script, and words beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.translation import gettext as _

WIDTH, HEIGHT = 120, 28


@dataclass(frozen=True, slots=True)
class Spark:
    """A name, the value now, what the picture shows in words, and its line as the points of an SVG path; gaps stay gaps."""

    name: str
    value: str
    words: str
    path: str
    colour: str = "blue"

    @property
    def box(self) -> str:
        return f"0 0 {WIDTH} {HEIGHT}"


def path_of(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(values) < 2 or not known:
        return ""
    most = max(known) or 1
    step, parts, pen_up = WIDTH / (len(values) - 1), [], True
    for index, value in enumerate(values):
        if value is None:
            pen_up = True
            continue
        x, y = index * step, HEIGHT - 2 - (HEIGHT - 4) * value / most
        # A point between two gaps would be no line at all.
        parts.append(f"{'M' if pen_up else 'L'}{x:.1f} {y:.1f}" + (f"h{step / 2:.1f}" if pen_up else ""))
        pen_up = False
    return "".join(parts)


def small(values: Sequence[float]) -> str:
    """A picture for a cell of a table, whose number stands beside it."""
    path = path_of(values) if any(values) else ""
    return format_html(
        '<svg viewBox="0 0 {} {}" class="spark-small" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<path d="{}"></path></svg>',
        *(WIDTH, HEIGHT, path),
    )


def of(metrics: dict, *, ready_now: int) -> list[Spark]:
    """Calls a minute, latency, errors and ready replicas of what `series.metrics` answered; its last step still runs and is left out."""
    totals = metrics["totals"]
    calls = [sum(counts) for counts in zip(*metrics["calls"].values(), strict=True)][:-1]
    ready = metrics["replicas"]["ready"][:-1]
    called = totals["calls"] > 0
    return [
        Spark(_("Calls a minute"), f"{totals['callsPerMinute']:.3g}", _("calls by the minute"), path_of(calls if called else [])),
        Spark(
            _("Latency, p95"),
            "–" if totals["p95Ms"] is None else f"{totals['p95Ms']:.3g} ms",
            "" if totals["p50Ms"] is None else _("half of the calls took at most %s") % f"{totals['p50Ms']:.3g} ms",
            path_of(metrics["latencyMs"]["p95"][:-1]),
            "yellow",
        ),
        Spark(
            _("Errors"),
            f"{totals['errorPercent']:.3g} %" if called else "–",
            _("%s calls failed") % totals["errors"] if called else "",
            path_of(metrics["errorPercent"][:-1] if totals["errors"] else []),
            "red",
        ),
        Spark(_("Replicas ready"), str(ready_now), _("replicas that take calls"), path_of(ready), "green"),
    ]
