"""The calls that one host has, and what it says of them: each ends exactly once. No input, no output.

A host may say anything. It is believed about calls that it was given, and about no others.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from ...broker.claims import Outcome
from .. import endings
from ..endings import REASON_CHARACTERS, StopCause
from .calls import Call, Ended, Running
from .given import Given
from .isolation import NOBODY, Death, InHost, ends_of
from .messages import Going, Row

_OUTCOMES: Final = {
    "succeeded": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    "errored": Outcome.ERRORED,
    "cancelled": Outcome.CANCELLED,
    "timed_out": Outcome.TIMED_OUT,
    "released": Outcome.RELEASE,
}
_OF_STOPS: Final = (Outcome.CANCELLED, Outcome.TIMED_OUT, Outcome.RELEASE)
_GRACE_S: Final = 30.0
"""Of a call that an earlier session made."""
NEWEST: Final = 20
"""Tasks that a list tells in which host they are."""
_PATIENCE_S: Final = 5.0
"""How much longer than its grace a call may take to end, before its host is held to be broken."""


class Stop(msgspec.Struct, frozen=True):
    """That a call was asked to stop."""

    cause: StopCause
    reason: str
    until_s: float
    """When it must have ended, on the monotonic clock."""


class InHand(msgspec.Struct):
    """A call that a host has."""

    note: str
    isolation: int
    grace_s: float
    since_s: float
    """On the monotonic clock."""
    stop: Stop | None = None


class CallsInHost:
    """What runs in one host, as far as the worker knows.

    Args:
        least_isolation: what each call in it has at least, for all that it is alone.
        is_found: an earlier session started it, so it is not known yet what it has.
    """

    def __init__(self, *, least_isolation: int = 0, is_found: bool = False) -> None:
        self._calls: dict[str, InHand] = {}
        self._least_isolation = least_isolation
        self._is_found = is_found
        self._replayed: dict[str, str] = {}
        """Key to note: after a rollback of Redis the same key may be called a second time."""
        self._stops: dict[str, float] = {}
        """Until when calls that were asked to stop must have ended."""

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, key: object) -> bool:
        return key in self._calls

    def __iter__(self) -> Iterator[str]:
        return iter(self._calls)

    def newest(self, count: int) -> tuple[str, ...]:
        """Return the tasks of the calls that it was given last, the newest first."""
        return tuple(key.partition(".")[0] for key in islice(reversed(self._calls), count))

    @property
    def is_replaying(self) -> bool:
        """Whether what the host says now was said to an earlier session, as far as is known."""
        return self._is_found

    def may_speak_of(self, key: str) -> bool:
        """Return whether a call is in the host, or may be."""
        return key in self._calls or self._is_found

    def give(self, calls: Iterable[Call], *, now_s: float) -> None:
        """Note that the host has these now."""
        least = self._least_isolation
        for call in calls:
            isolation = max(call.isolation, least)
            self._calls[call.key] = InHand(call.note, isolation, call.grace_s, now_s)

    def rows(self) -> list[Given]:
        """Return what the host has, as it is written down."""
        return [Given(key, one.note, one.isolation) for key, one in self._calls.items()]

    def inherit(self, rows: Iterable[Given], *, now_s: float) -> None:
        """Take what a host was given that is dead before it could be asked; what ended counts."""
        for row in rows if self._is_found else ():
            if self._replayed.get(row.key) != row.note:
                isolation = max(row.isolation, self._least_isolation)
                self._calls[row.key] = InHand(row.note, isolation, _GRACE_S, now_s)
        self._is_found = False
        self._replayed.clear()

    def state(self, going: Sequence[Going], *, now_s: float, unix_s: float) -> list[Running]:
        """Take what a host says that runs; return what is news. Only one that was found is asked."""
        if not self._is_found:
            return []
        self._is_found = False
        first = {g.key: g for g in going if self._replayed.get(g.key) != g.note}
        news = list(first.values())
        for one in news:
            since_s = now_s - max(0.0, unix_s - one.started_at)
            self._calls[one.key] = InHand(one.note, self._least_isolation, _GRACE_S, since_s)
        self._replayed.clear()
        return [Running(key=g.key, note=g.note, started_at=g.started_at) for g in news]

    def done(self, rows: Sequence[Row]) -> list[Ended]:
        """Return the ends of calls that the host has, or had in an earlier session."""
        ends = []
        for row in rows:
            given = self._calls.pop(row.key, None)
            if given is not None:
                if given.stop is not None:
                    del self._stops[row.key]
                ends.append(_end(row, given.note, given.stop))
            elif self._is_found and self._replayed.get(row.key) != row.note:
                self._replayed[row.key] = row.note
                ends.append(_replayed(row))
        return ends

    def stop(
        self, key: str, cause: StopCause, *, reason: str, grace_s: float | None, now_s: float
    ) -> Stop | None:
        """Note that a call is asked to stop; return how. None: the host does not have it.

        The first cause stays but for LOST, and the shorter grace counts; None: the call's own.
        """
        given = self._calls.get(key)
        if given is None:
            return None
        until_s = now_s + (given.grace_s if grace_s is None else grace_s)
        if given.stop is None:
            given.stop = Stop(cause, reason, until_s)
        else:
            first = given.stop
            until_s = min(first.until_s, until_s)
            is_lost = cause is StopCause.LOST
            given.stop = Stop(cause if is_lost else first.cause, first.reason, until_s)
        self._stops[key] = until_s
        return given.stop

    def overdue(self, now_s: float) -> str:
        """Return a call that should have ended by now; empty: there is none."""
        late = (key for key, until_s in self._stops.items() if now_s > until_s + _PATIENCE_S)
        return next(late, NOBODY)

    def refused(self, key: str, reason: str) -> list[Ended]:
        """Return the end of a call that can't be ended, whose host is replaced for that."""
        given = self._calls.pop(key, None)
        if given is None:
            return []
        self._stops.pop(key, None)
        if given.stop is not None:
            ending = ending_of(given.stop.cause, given.stop.reason)
        else:  # nobody but its host stopped it
            ending = endings.Ending(outcome=Outcome.TIMED_OUT, reason="timed out")
        words = f"{ending.reason}; {reason}" if reason else ending.reason
        return [
            Ended(
                key=key,
                outcome=ending.outcome,
                reason=words[:REASON_CHARACTERS],
                note=given.note,
            )
        ]

    def die(self, death: Death, *, now_s: float) -> list[Ended]:
        """Return the ends of all that the host had when it died. It has nothing after that."""
        if death.guilty not in self._calls:  # a name that it made up blames nobody
            death = msgspec.structs.replace(death, guilty=NOBODY)
        left = {
            key: InHost(
                note=given.note,
                isolation=given.isolation,
                lasted_ms=max(0, int((now_s - given.since_s) * 1000)),
            )
            for key, given in self._calls.items()
        }
        stops = {key: given.stop for key, given in self._calls.items() if given.stop is not None}
        self._calls.clear()
        self._stops.clear()
        return [_stopped(end, stops.get(end.key)) for end in ends_of(left, death)]


def of_waiting(call: Call, ending: endings.Ending) -> Ended:
    """Return the end of a call that was never given to a host."""
    return Ended(
        key=call.key,
        outcome=ending.outcome,
        reason=ending.reason,
        note=call.note,
        may_retry=ending.may_retry,
    )


def ending_of(cause: StopCause, reason: str) -> endings.Ending:
    """Return how a call ends that was stopped; one that is lost is given back, and never told."""
    found = endings.of_stop(StopCause.RELEASED if cause is StopCause.LOST else cause, reason)
    assert found is not None
    return found


def _end(row: Row, note: str, stop: Stop | None) -> Ended:
    outcome, reason = _OUTCOMES[row.outcome], row.reason
    if outcome in _OF_STOPS and stop is not None:
        ending = ending_of(stop.cause, stop.reason)
        outcome, reason = ending.outcome, ending.reason
    elif outcome is Outcome.RELEASE:  # nobody asked for that: bounded, like a lost lease
        outcome, reason = Outcome.LOST, "given back, but not by its worker"
    return _ended(row, note, outcome, reason)


def _replayed(row: Row) -> Ended:
    """Return the end of a call that an earlier session made: what it asked for is not known."""
    return _ended(row, row.note, _OUTCOMES[row.outcome], row.reason)


def _ended(row: Row, note: str, outcome: Outcome, reason: str) -> Ended:
    return Ended(
        key=row.key,
        outcome=outcome,
        exit_code=row.exit_code,
        reason=reason[:REASON_CHARACTERS],
        result=row.result.encode() if row.result else b"",
        note=note,
        lasted_ms=row.lasted_ms,
    )


def _stopped(end: Ended, stop: Stop | None) -> Ended:
    """Return the end of a call that was asked to stop, and whose host died before it did."""
    if stop is None:
        return end
    ending = ending_of(stop.cause, stop.reason)
    return msgspec.structs.replace(
        end, outcome=ending.outcome, reason=ending.reason, isolation=None
    )
