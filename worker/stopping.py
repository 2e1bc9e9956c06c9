"""Leaving at once, because somebody asked for it from afar."""

from .endings import StopCause
from .held import HeldTasks
from .signals import ASKED_TO_STOP, Signals


def stop_now(tasks: HeldTasks, signals: Signals, *, by: str = "") -> None:
    """Claim no more, and give back what runs: uncharged, into its own place."""
    signals.drain(f"{ASKED_TO_STOP} by {by}" if by else ASKED_TO_STOP)
    for held in tasks:
        held.stop(StopCause.RELEASED)
