"""Each time that a task was claimed, from its history. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from .history import Step

_BEGINS: Final = frozenset({"claimed", "recreated"})
_AGAIN: Final = "readopted"
_BETWEEN: Final = frozenset(
    {"phase", "cancel", "labelled", "priority", "edited", "hanging", "moving", "fenced"}
)
"""Steps that end no run."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of a task: its log is that of this number."""

    claim: int
    worker: str
    started_at: float
    """Unix s."""
    ended_at: float | None
    """None while it runs."""
    end: str
    """The event that ended it: succeeded, failed, lost, release ...; empty while it runs."""


def runs_of(history: Sequence[Step], fence: int) -> list[Run]:
    """Return the claims that a history still knows of, oldest first.

    Args:
        history: oldest first; its beginning may be lost.
        fence: number of the last claim.
    """
    starts = list(_starts(history))
    first = fence - len(starts) + 1
    ends = [*starts[1:], len(history)]
    return [
        _run(first + count, history[n], history[n + 1 : ends[count]])
        for count, n in enumerate(starts)
    ]


def _starts(history: Sequence[Step]) -> Iterator[int]:
    """Yield where a claim begins, also one that Redis forgot until its worker told of it."""
    holder = ""
    for n, step in enumerate(history):
        if step.event in _BEGINS or (step.event == _AGAIN and step.detail != holder):
            holder = step.detail
            yield n


def _run(claim: int, start: Step, later: Sequence[Step]) -> Run:
    again = max((n for n, step in enumerate(later) if step.event == _AGAIN), default=-1)
    rest = later[again + 1 :]  # what was lost before that was not
    end = next((step for step in rest if step.event not in _BETWEEN), None)
    return Run(
        claim=claim,
        worker=start.detail,
        started_at=start.at,
        ended_at=end.at if end else None,
        end=end.event if end else "",
    )
