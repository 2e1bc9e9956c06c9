"""Each time that a task was claimed, from its history. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from .history import Step

_CLAIMED: Final = "claimed"
_BETWEEN: Final = frozenset(
    {"phase", "cancel", "readopted", "labelled", "priority", "edited", "hanging", "moving"}
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
    starts = [n for n, step in enumerate(history) if step.event == _CLAIMED]
    first = fence - len(starts) + 1
    return [_run(first + count, history[n], history[n + 1 :]) for count, n in enumerate(starts)]


def _run(claim: int, start: Step, later: Sequence[Step]) -> Run:
    end = next((step for step in later if step.event not in _BETWEEN), None)
    return Run(
        claim=claim,
        worker=start.detail,
        started_at=start.at,
        ended_at=end.at if end else None,
        end=end.event if end else "",
    )
