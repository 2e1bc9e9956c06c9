"""What people write about when a task starts and beside which others, as values. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from ..broker.errors import UsageError
from ..broker.new_task import MAX_AHEAD_MS, Condition
from ..broker.signed_task import Exclusive
from . import values
from .options import TaskOptions

_LATE_MS: Final = 60_000
"""So old may a time be: people type slower than a clock goes."""
_MOST_AT_ONCE: Final = 1_000_000


class IfExists(StrEnum):
    """What to do when another live task has the unique key."""

    ERROR = "error"
    RETURN = "return"  # its id
    REPLACE = "replace"


class After(msgspec.Struct, frozen=True):
    """A task to wait for, as a person names it."""

    selector: str
    condition: Condition


def at_ms(text: str, *, zone: str, now_ms: int) -> int:
    """Return the Unix ms of a time like `2031-05-01T18:00` or `2031-05-01 18:00+02:00`.

    Args:
        text: in ISO 8601.
        zone: name of the time zone of times that name none.
        now_ms: Unix ms.

    Raises:
        UsageError: it is no time, past, or more than ten years ahead.
    """
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        raise UsageError(
            f"--at {text}: write a time like {now:%Y-%m-%d}T18:00, or with +02:00 or Z behind it"
        ) from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=ZoneInfo(zone))
    try:
        found_ms = int(time.timestamp() * 1000)
    except OverflowError:  # year 1 or 9999, and a zone that leads out of them
        found_ms = 0 if time.year < 1970 else now_ms + MAX_AHEAD_MS + 1
    if found_ms < now_ms - _LATE_MS:
        raise UsageError(f"--at {text}: that is past, in the time zone {time.tzname()}")
    if found_ms > now_ms + MAX_AHEAD_MS:
        raise UsageError(f"--at {text}: that is more than ten years ahead")
    return found_ms


def afters(texts: Sequence[str]) -> tuple[After, ...]:
    """Return the tasks to wait for; raise UsageError for a condition that is none."""
    return tuple(_after(text) for text in texts)


def if_exists(options: TaskOptions) -> IfExists:
    """Return what to do about a unique key that is taken.

    Raises:
        UsageError: it is none of ours, or there is no key.
    """
    text = options.if_exists
    if text and not options.unique:
        raise UsageError("--if-exists does nothing without --unique; add --unique KEY")
    try:
        return IfExists(text or IfExists.ERROR)
    except ValueError:
        raise UsageError(f"--if-exists {text}: say {', '.join(IfExists)}") from None


def exclusive(text: str) -> Exclusive:
    """Return what becomes of the task without a lease; raise UsageError for what is none."""
    try:
        chosen: Exclusive = msgspec.convert(text or "keep", Exclusive)
    except msgspec.ValidationError:
        raise UsageError(f"--exclusive {text}: say keep or kill") from None
    return chosen


def concurrency_limit(options: TaskOptions) -> int:
    """Return how many tasks of a concurrency key may run; raise UsageError without a key."""
    text = options.concurrency_limit
    if text and not options.concurrency_key:
        raise UsageError(
            "--concurrency-limit does nothing without --concurrency-key; add --concurrency-key KEY"
        )
    return values.whole(text or "1", "--concurrency-limit", least=1, most=_MOST_AT_ONCE)


def _after(text: str) -> After:
    selector, has_condition, condition = text.rpartition(":")
    if not has_condition:
        selector, condition = text, Condition.OK
    if not selector:
        raise UsageError(f"--after {text}: name a task, like --after last or --after last:any")
    known = [each.value for each in Condition]
    if condition in known:
        return After(selector, Condition(condition))
    near = get_close_matches(condition, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"say {', '.join(known)}"
    raise UsageError(f"--after {text}: {condition!r} is no way to end; {hint}")
