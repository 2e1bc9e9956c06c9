"""When a schedule fires: a line of cron, a time zone, and what to do about missed times. Pure.

cronsim reads the lines and steps over changes of the clock as Debian's cron does: a fixed time
that is skipped in spring fires at the end of the gap, one that comes twice in autumn fires once;
a line with a `*` for minute or hour follows the time that really passes.
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from cronsim import CronSim, CronSimError

from .errors import UsageError

MAX_EXPRESSION: Final = 128
"""Characters of a line."""
MOST_MISSED: Final = 100
"""Missed times that `all` makes up for: the newest ones."""
LATE_MS: Final = 60_000
"""A time that is noticed later than this counts as missed."""
_LAST_MS: Final = 7_258_118_400_000
"""The year 2200: whoever asks for a later time has lost the clock."""
_MOST_STEPS: Final = 1_000


class Missed(StrEnum):
    """What becomes of times at which no scheduler ran."""

    SKIP = "skip"  # nothing
    ONCE = "once"  # one task for all of them
    ALL = "all"  # one task for each, at most MOST_MISSED


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about a schedule whose time has come."""

    fires_ms: tuple[int, ...]
    """The times to add a task for, oldest first; Unix ms."""
    next_ms: int | None
    """When it fires next; None: never again."""


def check(expression: str, zone: str) -> None:
    """Raise UsageError unless the line and the zone are such that it fires at some time."""
    now = datetime.now(UTC)
    if next_fire(expression, zone, int(now.timestamp() * 1000)) is None:
        raise UsageError(f"cron line {expression!r} never fires: there is no such date")


def next_fire(expression: str, zone: str, after_ms: int) -> int | None:
    """Return the first time after one at which a line fires; None when there is none.

    Args:
        expression: five fields of cron, or six with seconds first.
        zone: name of a time zone, e.g. `Europe/Berlin`.
        after_ms: Unix ms.

    Raises:
        UsageError: the line or the zone is not acceptable.
    """
    return next(_fires(expression, zone, after_ms), None)


def next_fires(expression: str, zone: str, after_ms: int, count: int) -> list[int]:
    """Return up to `count` times after one at which a line fires; see next_fire()."""
    return list(islice(_fires(expression, zone, after_ms), count))


def due(expression: str, zone: str, *, due_ms: int, now_ms: int, missed: Missed) -> Due:
    """Return what to do about a schedule that was to fire at `due_ms`, which has come.

    Raises:
        UsageError: the line or the zone is not acceptable.
    """
    most = MOST_MISSED if missed is Missed.ALL else 1
    fires = _newest(expression, zone, first_ms=due_ms, last_ms=now_ms, most=most)
    if missed is Missed.SKIP:
        fires = [fire_ms for fire_ms in fires if now_ms - fire_ms <= LATE_MS]
    return Due(fires_ms=tuple(fires), next_ms=next_fire(expression, zone, now_ms))


def explain(expression: str) -> str:
    """Return a line in words, e.g. `At 03:00 every day`."""
    return _parsed(expression, datetime.now(UTC)).explain()


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        UsageError: there is none of this name.
    """
    try:
        if name == "localtime":  # a link that leads elsewhere on each machine
            raise ValueError(name)
        return _zone(name)
    except (KeyError, ValueError, OSError):
        known = {zone.lower(): zone for zone in available_timezones() - {"localtime"}}
        near = get_close_matches(name[:64].lower(), known, n=1)
        hint = f"did you mean {known[near[0]]}?" if near else "write one like Europe/Berlin or UTC"
        raise UsageError(f"time zone {name[:64]!r} is not known; {hint}") from None


@lru_cache(64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _newest(expression: str, zone: str, *, first_ms: int, last_ms: int, most: int) -> list[int]:
    """Return the newest times of a schedule from the one that was due to now, oldest first."""
    start_ms = max(first_ms, _back(expression, zone, last_ms, most) - 1)
    fires = deque([first_ms] if start_ms == first_ms else [], maxlen=most)
    for steps, fire_ms in enumerate(_fires(expression, zone, start_ms)):
        if fire_ms > last_ms or steps == _MOST_STEPS:
            break
        fires.append(fire_ms)
    return list(fires)


def _back(expression: str, zone: str, last_ms: int, count: int) -> int:
    """Return the `count`-th time before one that comes after `last_ms`; 0 if there is none."""
    after_ms = next_fire(expression, zone, last_ms)
    if after_ms is None:
        return 0
    # From the next time backwards: within an hour that comes twice, the present is no start.
    times = _parsed(expression, _moment(after_ms, zone), reverse=True)
    found = 0
    for n, moment in enumerate(times, start=1):
        found = _ms(moment)
        if n == count:
            return max(found, 0)
    return 0


def _fires(expression: str, zone: str, after_ms: int) -> Iterator[int]:
    """Yield the times after one. cronsim may begin with one that has passed: autumn's hour."""
    if after_ms >= _LAST_MS:
        return
    for moment in _parsed(expression, _moment(after_ms, zone)):
        fire_ms = _ms(moment)
        if fire_ms >= _LAST_MS:
            return
        if fire_ms > after_ms:
            yield fire_ms


def _parsed(expression: str, moment: datetime, *, reverse: bool = False) -> CronSim:
    if len(expression) > MAX_EXPRESSION:
        raise UsageError(f"cron line has {len(expression)} characters, most are {MAX_EXPRESSION}")
    try:
        return CronSim(expression, moment, reverse=reverse)
    except (CronSimError, ValueError, AssertionError, TypeError) as e:
        raise UsageError(f"cron line {expression!r}: {_problem(expression, str(e))}") from None


def _problem(expression: str, said: str) -> str:
    """Return what is wrong with a line, in our words."""
    if expression.startswith("@"):
        return "names like @daily are not known; write five fields, like 0 0 * * *"
    if not said.startswith("Bad "):
        return "write five fields (minute hour day month weekday), like 0 3 * * mon-fri"
    field = said.removeprefix("Bad ")
    return f"its field {field} is not acceptable, or no date fits it"


def _moment(ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(max(ms, 0) // 1000, zone_of(zone))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
