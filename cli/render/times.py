"""Times and sizes for people. Pure."""

from datetime import UTC, datetime
from typing import Final

_STEPS: Final = ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))


def length(seconds: float) -> str:
    """Return `0.42s`, `12.3s`, `2m 05s`, `1h 03m` or `3d 04h`."""
    seconds = max(0.0, seconds)
    if seconds < 1:
        return f"{seconds:.2f}s"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    for size, unit, part, part_unit in _STEPS:
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole}{unit} {rest // part:02d}{part_unit}"
    return "1m 00s"


def clock(at_s: float) -> str:
    """Return a moment in the local time zone, e.g. `2026-11-21 09:30:05`."""
    return datetime.fromtimestamp(at_s).strftime("%Y-%m-%d %H:%M:%S")


def weekday(at_s: float, now_s: float) -> str:
    """Return a moment of the next days: `19:00`, `Mon 19:00`, or `2026-12-01 19:00` far away."""
    moment, now = datetime.fromtimestamp(at_s), datetime.fromtimestamp(now_s)
    if moment.date() == now.date():
        return moment.strftime("%H:%M")
    is_near = abs((moment.date() - now.date()).days) < 7
    return moment.strftime("%a %H:%M" if is_near else "%Y-%m-%d %H:%M")


def stamp(at_s: float) -> str:
    """Return a moment for the beginning of a line of a log: ISO 8601 in UTC, with ms."""
    moment = datetime.fromtimestamp(at_s, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def size(size_bytes: float) -> str:
    """Return a size, e.g. `12.3 MB`."""
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} GB"
