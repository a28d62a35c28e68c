"""A stretch of time as people ask for it, and the step in which it is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from deployments.telemetry.rollup import FINEST, KEPT, floor
from portal.errors import BadRequest

RANGES = {"15m": 900, "1h": 3600, "6h": 6 * 3600, "24h": 86400, "7d": 7 * 86400, "30d": 30 * 86400}
USUAL = "1h"
#: the steps that are chosen from, in seconds, and how many points one chart should have at most
STEPS = (10, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400)
POINTS, MOST_POINTS = 360, 2000
LONGEST = KEPT[max(KEPT)]
_RELATIVE = re.compile(r"(\d{1,4})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Window:
    """`start` (included) to `end` (not), both whole steps; `step` seconds. `said` is the range's word, "" for times of one's own."""

    start: datetime
    end: datetime
    step: int
    said: str = ""

    @property
    def times(self) -> range:
        """Seconds since 1970 of the beginning of each step."""
        return range(int(self.start.timestamp()), int(self.end.timestamp()), self.step)

    @property
    def span(self) -> int:
        """The span of the rows to read: the longest that fits into a step and is still kept at the start."""
        return max(span for span in KEPT if self.step % span == 0)

    def compared(self) -> tuple[Window, Window]:
        """This one and the one of the same length before it, with as many steps: as coarse as the earlier one is kept."""
        length = self.end - self.start
        step = Window.of(self.start - length, self.start, self.step).step
        mine = Window.of(self.start, self.end, step, self.said) if step != self.step else self
        long = mine.end - mine.start
        return mine, Window(mine.start - long, mine.start, mine.step)

    @classmethod
    def of(cls, start: datetime, end: datetime, step: int = 0, said: str = "") -> Window:
        """`step` 0 chooses one; a step finer than what is kept at `start`, or with too many points, becomes coarser."""
        length, age = (end - start).total_seconds(), timezone.now() - start
        # A row of an hour's length may begin up to an hour before what is asked for.
        finest = next((span for span, keep in KEPT.items() if age <= keep), max(KEPT))
        fits = [one for one in STEPS if one % finest == 0 and length / one <= (MOST_POINTS if step else POINTS)] or [STEPS[-1]]
        chosen = next((one for one in fits if one >= step), fits[-1])
        if step and step % finest == 0 and length / step <= MOST_POINTS:
            chosen = step
        first = floor(start, chosen)
        last = floor(end - timedelta(microseconds=1), chosen) + timedelta(seconds=chosen)
        return cls(first, max(last, first + timedelta(seconds=chosen)), chosen, said)

    @classmethod
    def asked(cls, given) -> Window:
        """From a query: `range` (15m, 6h, 30d ...), or `from` and `to` (ISO 8601 or seconds since 1970), and `step` in seconds.

        Raises BadRequest that names the field.
        """
        step = _step(given.get("step", ""))
        if given.get("from"):
            start = moment(given["from"], "from")
            end = moment(given["to"], "to") if given.get("to") else timezone.now()
            said = ""
        else:
            said = given.get("range") or USUAL
            found = _RELATIVE.fullmatch(said)
            if not found or not 60 <= int(found[1]) * _SECONDS[found[2]] <= LONGEST.total_seconds():
                raise BadRequest(_("range is a number with m, h or d behind it, such as 15m, 6h or 30d."), field="range")
            end = timezone.now()
            start = end - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
        if not timedelta(seconds=FINEST) <= end - start <= LONGEST:
            raise BadRequest(_("to must be at least 10 seconds and at most two years after from."), field="to")
        return cls.of(start, end, step, said)


def _step(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) <= 7 and int(text) >= FINEST and int(text) % FINEST == 0):
        raise BadRequest(_("step is a number of seconds, a multiple of %(finest)s.") % {"finest": FINEST}, field="step")
    return int(text)


def moment(text: str, field: str) -> datetime:
    """ISO 8601, in UTC where no zone is said, or seconds since 1970. Raises BadRequest that names the field."""
    try:
        if text.isascii() and text.isdecimal() and len(text) <= 11:
            return datetime.fromtimestamp(int(text), UTC)
        # In a query, the plus of an offset may arrive as a space.
        found = parse_datetime(text.replace(" ", "+") if re.search(r"T.* \d\d:?\d\d$", text) else text)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise BadRequest(_("%(field)s is a time such as 2026-05-03T14:00:00Z, or seconds since 1970.") % {"field": field}, field=field)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
