"""Dates, times and durations from text. Stdlib only, the same on Python 3.9 and 3.13."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from .values import Leaf, Wrong, said

_DATE = r"(\d{4})-(\d{2})-(\d{2})"
_TIME = r"(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
_ZONE = r"(?:([Zz])|([+-])(\d{2}):?(\d{2}))?"
DATE = re.compile(f"^{_DATE}$", re.ASCII)
TIME = re.compile(f"^{_TIME}$", re.ASCII)
DATE_TIME = re.compile(f"^{_DATE}(?:[Tt ]{_TIME}{_ZONE})?$", re.ASCII)

#: what 64-bit nanoseconds can hold
FIRST, LAST = datetime(1677, 9, 22), datetime(2262, 4, 11)

UNITS = {
    "week": 604800,
    "w": 604800,
    "day": 86400,
    "d": 86400,
    "hour": 3600,
    "hr": 3600,
    "h": 3600,
    "minute": 60,
    "min": 60,
    "m": 60,
    "second": 1,
    "sec": 1,
    "s": 1,
    "millisecond": 1e-3,
    "milli": 1e-3,
    "ms": 1e-3,
    "microsecond": 1e-6,
    "micro": 1e-6,
    "us": 1e-6,
    "nanosecond": 1e-9,
    "nano": 1e-9,
    "ns": 1e-9,
}
_PART = re.compile(r"\s*([+-]?\d{1,12}(?:\.\d{1,9})?)\s*([A-Za-z]+)\s*,?", re.ASCII)
_CLOCK = re.compile(r"\s*([+-]?)(\d{1,4}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?\s*", re.ASCII)
_ISO = re.compile(
    r"P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)


def parse_date(value: str) -> date:
    found = DATE.match(value)
    if not found:
        raise ValueError(value)
    return date(*(int(each) for each in found.groups()))


def parse_time(value: str) -> time:
    found = TIME.match(value)
    if not found:
        raise ValueError(value)
    hour, minute, second, fraction = found.groups()
    return time(int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0")[:6]))


def parse_datetime(value: str) -> datetime:
    """ISO 8601 or the original's `2017-01-31 12:00:00,000000`; a zone is turned into UTC, the result has none."""
    found = DATE_TIME.match(value)
    if not found:
        raise ValueError(value)
    year, month, day, hour, minute, second, fraction, _, sign, zone_hours, zone_minutes = found.groups()
    moment = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), int((fraction or "0").ljust(6, "0")[:6])
    )
    if sign:
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        try:
            moment = moment.replace(tzinfo=timezone(offset if sign == "+" else -offset)).astimezone(timezone.utc).replace(tzinfo=None)
        except OverflowError:
            raise ValueError(value) from None
    return moment


def parse_timedelta(value: str) -> timedelta:
    """`2 weeks`, `1 days 02:00:00`, `1h 30m`, `PT1H30M`."""
    value = value.strip()
    if not value or len(value) > 100:
        raise ValueError(value)
    try:
        iso = _ISO.fullmatch(value)
        if iso and any(iso.groups()):
            weeks, days, hours, minutes, seconds = (float(each or 0) for each in iso.groups())
            return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        total, rest = timedelta(), value
        while rest:
            clock = _CLOCK.fullmatch(rest)
            if clock:
                sign, hours, minutes, seconds, fraction = clock.groups()
                part = timedelta(
                    hours=int(hours), minutes=int(minutes), seconds=int(seconds), microseconds=int((fraction or "0").ljust(6, "0")[:6])
                )
                return total - part if sign == "-" else total + part
            found = _PART.match(rest)
            unit = found.group(2).lower() if found else ""
            if not found or (unit not in UNITS and unit.rstrip("s") not in UNITS):
                raise ValueError(value)
            total += timedelta(seconds=float(found.group(1)) * (UNITS.get(unit) or UNITS[unit.rstrip("s")]))
            rest = rest[found.end() :]
        return total
    except OverflowError:
        raise ValueError(value) from None


def _leaf(parse: Any, expected: str, form: str, nullable: bool) -> Leaf:
    def convert(value: Any) -> Any:
        if type(value) is str:
            try:
                return parse(value)
            except ValueError:
                pass
        raise Wrong(f"expected {expected}, got {said(value)}")

    return Leaf(convert, {"type": "string", "format": form}, nullable=nullable)


def _in_nanoseconds(value: str) -> datetime:
    moment = parse_datetime(value)
    if not FIRST <= moment <= LAST:
        raise ValueError(value)
    return moment


def _short_timedelta(value: str) -> timedelta:
    found = parse_timedelta(value)
    if abs(found) > timedelta(days=106000):
        raise ValueError(value)
    return found


def date_leaf(*, nullable: bool = False) -> Leaf:
    return _leaf(parse_date, 'a date such as "2017-01-31"', "date", nullable)


def time_leaf(*, nullable: bool = False) -> Leaf:
    return _leaf(parse_time, 'a time such as "12:00:00"', "time", nullable)


def datetime_leaf(*, nullable: bool = False) -> Leaf:
    return _leaf(parse_datetime, 'a date and time such as "2017-01-31T12:00:00Z"', "date-time", nullable)


def nanosecond_leaf(*, nullable: bool = False) -> Leaf:
    """A datetime that numpy and pandas can hold: 1677 to 2262."""
    return _leaf(_in_nanoseconds, 'a date and time between 1677 and 2262 such as "2017-01-31T12:00:00Z"', "date-time", nullable)


def timedelta_leaf(*, nullable: bool = False) -> Leaf:
    return _leaf(_short_timedelta, 'a duration such as "2 weeks" or "1 days 02:00:00"', "timedelta", nullable)
