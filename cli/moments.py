"""Moments that people write: a time, or how long ago. Pure."""

from contextlib import suppress
from datetime import datetime, time
from zoneinfo import ZoneInfo

from ..broker.errors import UsageError
from . import values


def moment_s(text: str, option: str, *, now_s: float, zone: str) -> float:
    """Return the Unix s of `10m` (ago), `09:30` (today), `2031-05-01` or `2031-05-01T18:00+02:00`.

    Args:
        text: as it was written.
        option: named in errors.
        now_s: Unix s.
        zone: name of the time zone of times that name none.

    Raises:
        UsageError: it is no moment.
    """
    written = text.strip()
    with suppress(UsageError):  # then it is a time
        return now_s - values.duration_s(written, option)
    now = datetime.fromtimestamp(now_s, ZoneInfo(zone))
    try:
        found = _time_of(written, now)
        return (found if found.tzinfo else found.replace(tzinfo=now.tzinfo)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text}: write how long ago, like 10m or 2h, or a time like 09:30 or"
            f" {now:%Y-%m-%d}T18:00, with +02:00 or Z behind it if it is of another zone"
        ) from None


def past_s(text: str, option: str, *, now_s: float, zone: str) -> float:
    """Return the Unix s of a moment like moment_s(); raise UsageError where it is still to come."""
    found = moment_s(text, option, now_s=now_s, zone=zone)
    if found > now_s:
        raise UsageError(f"{option} {text}: that is still to come, in the time zone {zone}")
    return found


def _time_of(written: str, now: datetime) -> datetime:
    try:
        return datetime.combine(now.date(), time.fromisoformat(written))
    except ValueError:
        return datetime.fromisoformat(written)
