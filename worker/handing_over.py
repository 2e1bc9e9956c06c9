"""Starting anew without an end of what runs: the next session goes on with it."""

import logging
from typing import Final

import anyio

from .endings import StopCause
from .held import HeldTasks
from .signals import Signals

log = logging.getLogger(__name__)

AWAY_MS: Final = 600_000
"""How long the leases last meanwhile: what replaces this process may have to be repaired first."""
_PATIENCE_S: Final = 30.0
"""For what can't be handed over: its end is told, or a lost claim is what the next session finds."""
_LOOK_S: Final = 0.02


async def hand_over(tasks: HeldTasks, signals: Signals) -> bool:
    """Give back what is not started; return when all the rest could be found again.

    Returns:
        False: it is not to start anew any more.
    """
    with anyio.move_on_after(_PATIENCE_S) as scope:
        while signals.starts_anew and not all(held.is_watched for held in tasks):
            for held in tasks:
                if not held.is_started:
                    held.stop(StopCause.RELEASED, reason=signals.draining)
            await anyio.sleep(_LOOK_S)
    if scope.cancelled_caught:
        log.warning("starts anew in the middle of %s", unwatched(tasks))
    signals.handed_over = len(tasks)
    return signals.starts_anew


def unwatched(tasks: HeldTasks) -> str:
    """Return the ids of the tasks whose programs don't run, for a log."""
    return ", ".join(f"task {held.claim.task_id}" for held in tasks if not held.is_watched)
