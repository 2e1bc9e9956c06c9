"""What the end of a host means for the calls in it. Pure.

A host that dies takes with it whoever runs in it, and often nobody knows who was to blame. Then
all of them go back into their places, uncharged, and may run next only with few others: so the
one that kills its hosts is found in a few steps, and is alone when it does it again. Only then is
the death its own end.
"""

from collections.abc import Mapping, Reversible
from typing import Final

import msgspec

from ...broker.claims import Outcome
from ..endings import NOT_RENEWED
from ..process.wait import Exit
from .calls import Ended

NOBODY: Final = ""

_MOST: Final = (None, 32, 4, 1)
"""Calls at once in a host, by isolation: anybody, few, very few, alone. None: as many as the
worker lets."""
ALONE: Final = 3
"""From this isolation on a call has its host for itself, and the death of that is its own."""
_KNOWN: Final = 4
"""Alone, since it is known to have broken its host."""
_KILLED: Final = 137


class InHost(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was in a host when it ended."""

    note: str
    isolation: int
    lasted_ms: int = 0


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a host with calls in it."""

    reason: str
    exit_code: int | None = None
    guilty: str = NOBODY
    """Key of the call that is known to be to blame; empty: nobody is known."""
    is_ours: bool = False
    """Nobody is to blame: it was stopped for other reasons."""
    outcome: Outcome = Outcome.FAILED
    """Of a call that was alone in it, or that is to blame again."""


def class_of(isolation: int) -> int:
    """Return the class of hosts that a call may run in: equal ones may share one."""
    return max(0, min(isolation, ALONE))


def most_in(isolation: int, most: int) -> int:
    """Return how many calls of a class one host may have, of `most` otherwise."""
    limit = _MOST[class_of(isolation)]
    return most if limit is None else min(most, limit)


def after_death(isolation: int, together: int) -> int:
    """Return the isolation of a call whose host died, nobody knows of what.

    Args:
        isolation: so far.
        together: how many calls were in the host: there must be fewer next time.
    """
    steps = range(class_of(isolation) + 1, ALONE)
    return next((step for step in steps if most_in(step, together) < together), ALONE)


def ends_of(calls: Mapping[str, InHost], death: Death) -> list[Ended]:
    """Return the end of each call that was in a host, whose reports are all read."""
    return [_end(key, call, death, together=len(calls)) for key, call in calls.items()]


def _end(key: str, call: InHost, death: Death, *, together: int) -> Ended:
    if death.is_ours or death.guilty not in (NOBODY, key):
        whose = "another task in it: " if death.guilty else ""
        return _back(key, call, whose + death.reason, None)
    if call.isolation >= ALONE:
        return Ended(
            key=key,
            outcome=death.outcome,
            exit_code=death.exit_code,
            reason=death.reason,
            note=call.note,
            lasted_ms=call.lasted_ms,
        )
    following = _KNOWN if death.guilty == key else after_death(call.isolation, together)
    return _back(key, call, death.reason, following)


def _back(key: str, call: InHost, reason: str, isolation: int | None) -> Ended:
    return Ended(
        key=key,
        outcome=Outcome.RELEASE,
        reason=f"its host ended: {reason}",
        note=call.note,
        lasted_ms=call.lasted_ms,
        isolation=isolation,
    )


def of_exit(exited: Exit, exits: Reversible[tuple[str, int]]) -> Death:
    """Return the death of a host that nobody asked to end.

    Args:
        exited: how its process ended.
        exits: calls that said that they end the process, and with which code; the last counts.
    """
    if exited.stopped_by == "deadline":
        return Death(reason=NOT_RENEWED, outcome=Outcome.LOST)
    if exited.stopped_by:  # a call may do this to the shim of its host
        return Death(reason="it was stopped, but not by its worker", outcome=Outcome.LOST)
    if exited.error:
        return Death(reason=exited.error, outcome=Outcome.LOST)
    if exited.oom:
        reason = f"oom: used more than {exited.mem_limit_mib:g} MiB"
        return Death(reason=reason, exit_code=_KILLED)
    if exited.signal is not None:
        more = ", while the machine ran out of memory" if exited.machine_oom else ""
        return Death(reason=f"signal {exited.signal}{more}", exit_code=128 + exited.signal)
    code = exited.code
    guilty = next((key for key, said in reversed(exits) if said & 0xFF == code), NOBODY)
    return Death(reason=f"exit {code}", exit_code=code, guilty=guilty)
