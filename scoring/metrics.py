"""Counters of one replica in Prometheus' text form."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Optional

from .board import BUCKETS as PLACES_OF_BUCKETS
from .board import PLACES, REFUSED, STATUSES, TIMES, Board

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
assert len(BUCKETS) + 1 == PLACES_OF_BUCKETS
SECONDS, FAILURES, BATCHES, BATCHED, APART = (PLACES[name] for name in ("seconds", "failures", "batches", "batched", "taken_apart"))
WAITING, STARTED, BATCHING = (PLACES[name] for name in ("waiting", "started", "batching"))


class Metrics:
    """One worker's lane of the board. `refused` is called on the event loop, the others in the worker: each has numbers of its own."""

    def __init__(self, board: Optional[Board] = None, place: int = 0):
        self.use(board or Board(), place)

    def use(self, board: Board, place: int) -> None:
        self.board, self.lane = board, board.lanes[place]

    def gauge(self, name: str, value: Any) -> None:
        self.lane[PLACES[name]] = value

    def answered(self, status: int) -> None:
        """Before the answer is written: whoever holds it finds it counted."""
        self.lane[status if 0 <= status < STATUSES else 0] += 1

    def refused(self, status: int) -> None:
        self.lane[REFUSED + status] += 1

    def ran(self, seconds: float, failed: bool) -> None:
        lane = self.lane
        lane[SECONDS] += seconds
        lane[FAILURES] += failed
        lane[TIMES + bisect_left(BUCKETS, seconds)] += 1

    def shared(self, seconds: float, requests: int, *, failed: bool) -> None:
        """One call of run() for several requests; `failed` when they are called one by one after all."""
        if failed:
            self.lane[APART] += 1
        else:
            self.ran(seconds, False)
            self.lane[BATCHES] += 1
            self.lane[BATCHED] += requests

    def text(self, *, ready: bool, collected: int, dropped: int) -> str:
        """Of all workers together."""
        total, board = self.board.total, self.board
        lines = ["# HELP modelport_requests_total Answers to POST /score by status.", "# TYPE modelport_requests_total counter"]
        counts = ((status, int(total(status) + total(REFUSED + status))) for status in range(STATUSES))
        lines += [f'modelport_requests_total{{status="{status}"}} {count}' for status, count in counts if count]
        lines += ["# HELP modelport_run_seconds Time spent in run().", "# TYPE modelport_run_seconds histogram"]
        seen = 0
        for place, edge in enumerate([*BUCKETS, "+Inf"]):
            seen += int(total(TIMES + place))
            lines.append(f'modelport_run_seconds_bucket{{le="{edge}"}} {seen}')
        lines += [f"modelport_run_seconds_sum {total(SECONDS):.6f}", f"modelport_run_seconds_count {seen}"]
        for name, kind, text, value in (
            ("run_failures_total", "counter", "Calls of run() that raised.", total(FAILURES)),
            ("batching", "gauge", "1 when waiting requests are put together.", total(BATCHING) > 0),
            ("batches_total", "counter", "Calls of run() for several requests.", total(BATCHES)),
            ("batched_requests_total", "counter", "Requests answered by such calls.", total(BATCHED)),
            ("batches_taken_apart_total", "counter", "Such calls that failed; their requests were called one by one.", total(APART)),
            ("running", "gauge", "Processes in which run() is being called.", sum(1 for lane in board.lanes[:-1] if lane[STARTED])),
            ("queue_length", "gauge", "Requests waiting for run().", total(WAITING)),
            ("ready", "gauge", "1 when requests are taken.", ready),
            ("workers", "gauge", "Processes that take requests.", board.ready()),
            ("worker_restarts_total", "counter", "Processes that ended and were started anew.", board.said("restarts")),
            ("collected_batches_total", "counter", "Batches collected.", collected),
            ("collected_rows_dropped_total", "counter", "Collected rows that were lost.", dropped),
        ):
            lines += [f"# HELP modelport_{name} {text}", f"# TYPE modelport_{name} {kind}", f"modelport_{name} {int(value)}"]
        return "\n".join(lines) + "\n"
