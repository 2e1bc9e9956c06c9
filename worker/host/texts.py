"""Times and durations as JSON texts: RFC 3339 and ISO 8601, as msgspec writes and reads them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone

_TIME = r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
_ZONE = r"([Zz]|[+-]\d\d:?\d\d)?"
_DATETIME = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d)[Tt ]{_TIME}{_ZONE}\Z", re.ASCII)
_CLOCK = re.compile(rf"{_TIME}{_ZONE}\Z", re.ASCII)
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(
    rf"([+-])?P(?=\d|T\d)(?:({_NUMBER})W)?(?:({_NUMBER})D)?"
    rf"(?:T(?=\d)(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?\Z",
    re.ASCII | re.IGNORECASE,
)


def to_datetime(text: str) -> datetime:
    """Raises ValueError."""
    found = _DATETIME.match(text)
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    return datetime(
        year, month, day, hour, minute, second, _microseconds(found.group(7)), _zone(found.group(8))
    )


def to_date(text: str) -> date:
    """Raises ValueError."""
    if len(text) != len("2020-01-31"):  # later versions take more forms than JSON has
        raise ValueError(text)
    return date.fromisoformat(text)


def to_time(text: str) -> time:
    """Raises ValueError."""
    found = _CLOCK.match(text)
    if found is None:
        raise ValueError(text)
    hour, minute, second = map(int, found.group(1, 2, 3))
    return time(hour, minute, second, _microseconds(found.group(4)), _zone(found.group(5)))


def to_timedelta(text: str) -> timedelta:
    """Raises ValueError or OverflowError."""
    found = _DURATION.match(text)
    if found is None:
        raise ValueError(text)
    weeks, days, hours, minutes, seconds = (float(one or 0) for one in found.group(2, 3, 4, 5, 6))
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    length += timedelta(microseconds=round(seconds * 1_000_000))
    return -length if found.group(1) == "-" else length


def of_time(value: datetime | time) -> str:
    """RFC 3339; `Z` for UTC."""
    text = value.isoformat()
    return text[: -len("+00:00")] + "Z" if text.endswith("+00:00") else text


def of_timedelta(value: timedelta) -> str:
    """ISO 8601, in days and seconds."""
    sign = ""
    if value < timedelta(0):
        sign, value = "-", -value
    seconds = ""
    if value.seconds or value.microseconds:
        fraction = f".{value.microseconds:06}".rstrip("0") if value.microseconds else ""
        seconds = f"T{value.seconds}{fraction}S"
    days = f"{value.days}D" if value.days or not seconds else ""
    return f"{sign}P{days}{seconds}"


def _microseconds(fraction: str | None) -> int:
    return int(fraction[:6].ljust(6, "0")) if fraction else 0


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text in "Zz":
        return timezone.utc  # noqa: UP017  UTC needs 3.11
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
