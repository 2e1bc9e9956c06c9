"""What a person wants of a log, from the options of `logs`."""

import time
from typing import Final, Literal

import msgspec

from ..broker.errors import UsageError
from . import config
from .local_zone import local_zone
from .log_sieve import Choice, compiled
from .moments import moment_s, past_s

_STREAMS: Final = {"": (), "all": (), "out": ("out",), "err": ("err",), "sys": ("sys",)}
_MOST_CLAIMS: Final = 10**9 - 1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Of which log, how much of it, and whether to stay."""

    task: str
    """As a person named it."""
    claim: int | Literal["all"] | None = None
    """None: the last one."""
    tail: int | None = None
    stays: bool = False
    wants_exit_code: bool = False


def streams_of(name: str) -> tuple[str, ...]:
    """Return the streams of `--stream`; none for the default.

    Raises:
        UsageError: there is no such stream.
    """
    if name not in _STREAMS:
        raise UsageError(f"--stream {name}: say out, err or sys")
    return _STREAMS[name]


def claim_of(text: str) -> int | Literal["all"] | None:
    """Return what `--attempt` says.

    Raises:
        UsageError: it is neither a number nor `all`.
    """
    if text in ("", "all"):
        return "all" if text else None
    if text.isascii() and text.isdigit() and 0 < int(text[:10]) <= _MOST_CLAIMS:
        return int(text)
    raise UsageError(f"--attempt {text}: say which, 1 for the first, or all")


def choice_of(stream: str, *, since: str, until: str, grep: str, ignores_case: bool) -> Choice:
    """Return which entries and lines; raise UsageError for what makes no sense."""
    if ignores_case and not grep:
        raise UsageError("--ignore-case does nothing without --grep; add --grep RE")
    now_s, zone = time.time(), local_zone(config.variables())

    choice = Choice(
        streams=streams_of(stream),
        since_s=past_s(since, "--since", now_s=now_s, zone=zone) if since else None,
        until_s=moment_s(until, "--until", now_s=now_s, zone=zone) if until else None,
        pattern=compiled(grep, ignores_case=ignores_case) if grep else None,
    )
    if choice.since_s and choice.until_s and choice.since_s > choice.until_s:
        raise UsageError(f"--since {since} is later than --until {until}: nothing lies between")
    return choice


def check(asked: Asked, *, until: str) -> None:
    """Raise UsageError where two of the options contradict each other."""
    if asked.wants_exit_code and not asked.stays:
        raise UsageError("--exit-status needs -f: a task that goes on has no code yet")
    if asked.stays and until:
        raise UsageError("--until ends, and -f stays: leave one of them out")
    if asked.stays and isinstance(asked.claim, int):
        raise UsageError("--attempt N shows one log, and -f goes on with the next: leave one out")
