"""The hours in which a worker takes tasks: `mon-fri 19:00-08:00, sat-sun 00:00-24:00`. Pure.

Parts are separated by commas or semicolons. A part is days and a time; days are names and ranges,
which may go around the end of the week (`fri-mon`). A part without days is for the days of the part
before it, or for every day. A time over midnight belongs to the day that it begins on. Times are
those on the wall: where the clock is put forward or back, the hours go with it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from ..broker.cron_times import zone_of
from ..broker.errors import UsageError

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY: Final = 24 * 60
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})", re.ASCII)
_AHEAD: Final = 16
"""Days to look ahead: hours of one day of the week may fall into a gap of the clock once."""


class Window(msgspec.Struct, frozen=True):
    """One time of one day of the week. Minutes since midnight; an end of 1440 or more is tomorrow's."""

    day: int
    begin: int
    end: int


class Hours(msgspec.Struct, frozen=True):
    """When a worker takes tasks."""

    windows: tuple[Window, ...]
    zone: str
    text: str
    """As a person wrote it."""


def parse(text: str, zone: str) -> Hours:
    """Return the hours that a person wrote.

    Args:
        text: see above.
        zone: name of the time zone that they are of.

    Raises:
        UsageError: names the part and where it stands.
    """
    zone_of(zone)
    windows = sorted(set(_windows(text)), key=lambda w: (w.day, w.begin, w.end))
    return Hours(tuple(windows), zone, " ".join(text.split()))


def is_open(hours: Hours, now: datetime) -> bool:
    """Return whether tasks are taken at a moment.

    Args:
        hours: the hours.
        now: with a time zone, of any kind.
    """
    local = now.astimezone(ZoneInfo(hours.zone))
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday(), (local.weekday() - 1) % 7
    return any(
        (w.day == today and w.begin <= minute < w.end)
        or (w.day == yesterday and minute + _DAY < w.end)
        for w in hours.windows
    )


def next_change(hours: Hours, now: datetime) -> datetime | None:
    """Return when the hours begin or end next, in UTC; None: they never do."""
    is_now = is_open(hours, now)
    zone = ZoneInfo(hours.zone)
    first = now.astimezone(zone).date() - timedelta(days=1)
    moments = {m for n in range(_AHEAD + 1) for m in _moments(hours, first + timedelta(n), zone)}
    later = sorted(moment for moment in moments if moment > now)
    return next((moment for moment in later if is_open(hours, moment) != is_now), None)


def _moments(hours: Hours, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Return all moments at which anything may change that begins on a day."""
    for window in hours.windows:
        if window.day == day.weekday():
            for minute in (window.begin, window.end):
                wall = datetime.combine(day, time()) + timedelta(minutes=minute)
                for fold in (0, 1):
                    yield wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if moved := _clock_change(day, zone):
        yield moved


def _clock_change(day: date, zone: ZoneInfo) -> datetime | None:
    """Return the moment of a day at which its clock is put forward or back, to the minute."""
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    before = begin.astimezone(zone).utcoffset()
    if before == end.astimezone(zone).utcoffset():
        return None
    same, other = 0, int((end - begin) / timedelta(minutes=1))
    while other - same > 1:
        middle = (same + other) // 2
        if (begin + timedelta(minutes=middle)).astimezone(zone).utcoffset() == before:
            same = middle
        else:
            other = middle
    return begin + timedelta(minutes=other)


def _windows(text: str) -> Iterator[Window]:
    """Return the windows of all parts."""
    days: tuple[int, ...] = tuple(range(7))
    listed: tuple[int, ...] = ()
    waiting = ""
    for number, (part, place) in enumerate(_parts(text), start=1):
        named, rest = _split(part)
        where = f"--hours, part {number} ({part!r}, at character {place})"
        if not part:
            raise UsageError(f"{where}: is empty; write it like mon-fri 19:00-08:00")
        if named:
            listed += tuple(_days(named, where))
        if not rest:  # `mon, wed 10:00-12:00`: the time comes with the last day
            waiting = where
            continue
        days, listed, waiting = listed or days, (), ""
        begin, end = _times(rest, where)
        yield from (Window(day, begin, end) for day in days)
    if waiting:
        raise UsageError(f"{waiting}: says no time; a whole day is 00:00-24:00")


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """Return the parts, and where each begins, counted from 1."""
    for found in re.finditer(r"[^,;]*(?:[,;]|$)", text):
        if not found[0] and found.start() and text[found.start() - 1] not in ",;":
            return
        part = found[0].rstrip(",;")
        yield part.strip(), found.start() + 1 + len(part) - len(part.lstrip())


def _split(part: str) -> tuple[str, str]:
    """Return the days and the time of a part."""
    digit = re.search(r"[0-9]", part)
    cut = digit.start() if digit else len(part)
    return part[:cut].strip(), part[cut:].strip()


def _days(text: str, where: str) -> Iterator[int]:
    names = [name.strip() for name in text.lower().split("-")]
    if len(names) > 2:
        raise UsageError(f"{where}: {text!r} is no day and no range of days like mon-fri")
    first, last = (_day(name, where) for name in (names[0], names[-1]))
    yield from ((first + n) % 7 for n in range((last - first) % 7 + 1))


def _day(name: str, where: str) -> int:
    for names in (_DAYS, _LONG):
        if name in names:
            return names.index(name)
    raise UsageError(f"{where}: {name!r} is no day; use {', '.join(_DAYS)}")


def _times(text: str, where: str) -> tuple[int, int]:
    found = _TIME.fullmatch(text)
    if found is None:
        raise UsageError(f"{where}: {text!r} is no time like 19:00-08:00")
    begin, end = (_minute(found[n], found[n + 1], where) for n in (1, 3))
    if begin in (_DAY, end):
        raise UsageError(f"{where}: {text} is no time at all; a whole day is 00:00-24:00")
    return begin, end if begin < end else end + _DAY


def _minute(hour: str, minute: str, where: str) -> int:
    found = int(hour) * 60 + int(minute)
    if int(minute) > 59 or found > _DAY:
        raise UsageError(f"{where}: {hour}:{minute} is no time of a day; use 00:00 to 24:00")
    return found
