"""When a task that ended is run once more, and after how long. Pure.

The worker decides by this rule and reports `retry` with the delay. The policy travels in the
record, unsigned as queue and priority are: it decides only how often signed work is tried.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from .claims import Outcome
from .errors import UsageError

MAX_BYTES: Final = 64
"""A longer field would turn the hash of a task from a compact list into a table."""
MOST_RETRIES: Final = 1_000
LONGEST_DELAY_MS: Final = 30 * 86_400_000

_MOST_DOUBLINGS: Final = 32
"""Enough to get from 1 ms to the longest delay."""
_LETTERS: Final[Mapping[Outcome, str]] = {
    Outcome.ERRORED: "e",
    Outcome.FAILED: "f",
    Outcome.TIMED_OUT: "t",
}
_KINDS: Final = {"fixed": "f", "exponential": "x"}
_TEXT: Final = re.compile(
    r"(\d{1,4}) ([fx]) (\d{1,10}) (\d{1,10}) (\d{1,3}) (-|e?f?t?)(?: (\d{1,3}(?:,\d{1,3})*))?",
    re.ASCII,
)

RETRIED: Final = frozenset(_LETTERS)
"""The outcomes that a policy may name. What was cancelled is never run once more."""


class Backoff(StrEnum):
    """How the delay goes on from one retry to the next."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"  # twice as long each time


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a task is run once more, after which ends, and when."""

    retries: int
    """Most tries after the first one."""
    backoff: Backoff = Backoff.EXPONENTIAL
    base_ms: int = 10_000
    """Before the first retry."""
    cap_ms: int = 3_600_000
    """Before any retry."""
    jitter_percent: int = 10
    """Up to so much of the delay is left out at random, so that many don't come back at once."""
    on: frozenset[Outcome] = frozenset({Outcome.ERRORED})
    exit_codes: tuple[int, ...] = ()
    """A script that failed with one of these is run once more, also where `failed` is not."""


def encode(policy: RetryPolicy) -> str:
    """Return a policy as at most 64 bytes of text.

    Raises:
        UsageError: it is not acceptable, or names too many exit codes.
    """
    if problem := _problem(policy):
        raise UsageError(f"retries: {problem}")
    letters = "".join(letter for outcome, letter in _LETTERS.items() if outcome in policy.on)
    fields: list[object] = [policy.retries, _KINDS[policy.backoff], policy.base_ms]
    fields += [policy.cap_ms, policy.jitter_percent, letters or "-"]
    if policy.exit_codes:
        fields.append(",".join(map(str, policy.exit_codes)))
    text = " ".join(map(str, fields))
    if len(text) > MAX_BYTES:
        raise UsageError(f"retries: {len(policy.exit_codes)} exit codes are too many to keep")
    return text


def decode(text: str) -> RetryPolicy | None:
    """Return the policy of a text, None when it is none of ours: anybody may have written it."""
    found = _TEXT.fullmatch(text)
    if found is None or len(text) > MAX_BYTES:
        return None
    retries, kind, base_ms, cap_ms, percent, letters, codes = found.groups()
    policy = RetryPolicy(
        retries=int(retries),
        backoff=next(Backoff(name) for name, letter in _KINDS.items() if letter == kind),
        base_ms=int(base_ms),
        cap_ms=int(cap_ms),
        jitter_percent=int(percent),
        on=frozenset(outcome for outcome, letter in _LETTERS.items() if letter in letters),
        exit_codes=tuple(int(code) for code in codes.split(",")) if codes else (),
    )
    return None if _problem(policy) else policy


def next_delay_ms(
    policy: RetryPolicy, *, attempt: int, outcome: Outcome, exit_code: int | None, random: float
) -> int | None:
    """Return how long to wait before the next try, None when there is none.

    Args:
        policy: of the task.
        attempt: the one that just ended, from 1.
        outcome: how it ended.
        exit_code: of its script, if it ran.
        random: from 0 to below 1.
    """
    by_code = outcome is Outcome.FAILED and exit_code in policy.exit_codes
    if attempt > policy.retries or not (outcome in policy.on or by_code):
        return None
    delay_ms = policy.base_ms
    if policy.backoff is Backoff.EXPONENTIAL:
        delay_ms *= 2 ** min(max(attempt - 1, 0), _MOST_DOUBLINGS)
    delay_ms = min(delay_ms, policy.cap_ms)
    return delay_ms - int(delay_ms * policy.jitter_percent * random / 100)


def _problem(policy: RetryPolicy) -> str:
    """Return what is wrong with a policy, empty when nothing is."""
    if not 1 <= policy.retries <= MOST_RETRIES:
        return f"{policy.retries} is not between 1 and {MOST_RETRIES}"
    if not 0 <= policy.base_ms <= policy.cap_ms <= LONGEST_DELAY_MS:
        return "the first delay may not be longer than the longest, and that not than 30 days"
    if not 0 <= policy.jitter_percent <= 100:
        return f"a jitter of {policy.jitter_percent} % is not between 0 and 100"
    if not policy.on <= RETRIED:
        return f"{', '.join(sorted(policy.on - RETRIED))} can't be retried"
    if any(not 1 <= code <= 255 for code in policy.exit_codes):
        return "exit codes are from 1 to 255"
    return "" if policy.on or policy.exit_codes else "no outcome is named"
