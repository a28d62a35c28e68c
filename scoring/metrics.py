"""Counters of one replica in Prometheus' text form."""

from __future__ import annotations

from typing import Dict, List

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """`answered` is called on the event loop, `ran` in the worker: each touches its own numbers only."""

    def __init__(self) -> None:
        self.statuses: Dict[int, int] = {}
        self.buckets: List[int] = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.failures = self.batches = self.batched = self.taken_apart = 0

    def answered(self, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def ran(self, seconds: float, failed: bool) -> None:
        self.seconds += seconds
        self.failures += failed
        for index, edge in enumerate(BUCKETS):
            if seconds <= edge:
                self.buckets[index] += 1
                return
        self.buckets[-1] += 1

    def shared(self, seconds: float, requests: int, *, failed: bool) -> None:
        """One call of run() for several requests; `failed` when they are called one by one after all."""
        if failed:
            self.taken_apart += 1
        else:
            self.ran(seconds, False)
            self.batches += 1
            self.batched += requests

    def text(self, *, waiting: int, ready: bool, collected: int, dropped: int, batching: bool, running: bool) -> str:
        lines = ["# HELP modelport_requests_total Answers to POST /score by status.", "# TYPE modelport_requests_total counter"]
        lines += [f'modelport_requests_total{{status="{status}"}} {count}' for status, count in sorted(self.statuses.items())]
        lines += ["# HELP modelport_run_seconds Time spent in run().", "# TYPE modelport_run_seconds histogram"]
        total = 0
        for edge, count in zip([*list(BUCKETS), "+Inf"], self.buckets):
            total += count
            lines.append(f'modelport_run_seconds_bucket{{le="{edge}"}} {total}')
        lines += [f"modelport_run_seconds_sum {self.seconds:.6f}", f"modelport_run_seconds_count {total}"]
        for name, kind, text, value in (
            ("run_failures_total", "counter", "Calls of run() that raised.", self.failures),
            ("batching", "gauge", "1 when waiting requests are put together.", int(batching)),
            ("batches_total", "counter", "Calls of run() for several requests.", self.batches),
            ("batched_requests_total", "counter", "Requests answered by such calls.", self.batched),
            ("batches_taken_apart_total", "counter", "Such calls that failed; their requests were called one by one.", self.taken_apart),
            ("running", "gauge", "1 while run() is being called.", int(running)),
            ("queue_length", "gauge", "Requests waiting for run().", waiting),
            ("ready", "gauge", "1 when requests are taken.", int(ready)),
            ("collected_batches_total", "counter", "Batches collected.", collected),
            ("collected_rows_dropped_total", "counter", "Collected rows that were lost.", dropped),
        ):
            lines += [f"# HELP modelport_{name} {text}", f"# TYPE modelport_{name} {kind}", f"modelport_{name} {value}"]
        return "\n".join(lines) + "\n"
