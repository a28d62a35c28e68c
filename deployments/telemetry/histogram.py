"""Latencies in fixed buckets, so that rows of different minutes and machines can be added."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

SHORTEST_US = 50
LONGEST_US = 60_000_000
GROWTH = 1.2


def _bounds() -> tuple[int, ...]:
    bounds, steps = [], math.ceil(math.log(LONGEST_US / SHORTEST_US, GROWTH))
    for step in range(steps):
        bounds.append(round(SHORTEST_US * GROWTH**step))
    return (*bounds, LONGEST_US)


#: upper bounds in microseconds; the last bucket, index len(BOUNDS), holds what took longer. Never change: rows are stored.
BOUNDS = _bounds()


class Histogram:
    """Counts by bucket. A quantile is at most one bucket, a fifth, away from the true value."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None):
        self.counts: Counter[int] = Counter()
        for bucket, count in (counts or {}).items():
            if not 0 <= int(bucket) <= len(BOUNDS) or count < 0:
                raise ValueError(f"no such bucket or count: {bucket!r}: {count!r}")
            self.counts[int(bucket)] += count

    def add(self, microseconds: int, count: int = 1) -> None:
        self.counts[bisect_left(BOUNDS, microseconds)] += count

    def merge(self, others: Iterable[Histogram]) -> Histogram:
        """Adds the others to this one, and returns it."""
        for other in others:
            self.counts.update(other.counts)
        return self

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def quantile(self, q: float) -> float | None:
        """Microseconds below which the share `q` (0 to 1) of the calls stayed; None without calls. Above 60 s it says 60 s."""
        if not 0 <= q <= 1:
            raise ValueError("a quantile is between 0 and 1")
        total = self.total
        if not total:
            return None
        rank, seen = max(q * total, 1.0), 0
        for bucket in sorted(self.counts):
            count = self.counts[bucket]
            if count and seen + count >= rank:
                if bucket == len(BOUNDS):
                    return float(LONGEST_US)
                low = BOUNDS[bucket - 1] if bucket else SHORTEST_US / GROWTH
                # On a log scale, as the buckets are.
                return low * (BOUNDS[bucket] / low) ** ((rank - seen) / count)
            seen += count
        return float(LONGEST_US)

    def as_data(self) -> dict[str, int]:
        """For JSON: only the buckets that hold something. `Histogram(data)` reads it back."""
        return {str(bucket): count for bucket, count in sorted(self.counts.items()) if count}
