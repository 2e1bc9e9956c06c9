"""How long a loop rests. Pure."""

from typing import Final

SHARE: Final = 0.5
"""Most of the time that a loop may keep the server, or the archive's disk, busy."""


def rest_s(took_s: float, *, more: bool, idle_s: float, share: float = SHARE) -> float:
    """Return how long to rest after a step.

    Args:
        took_s: the step itself.
        more: there is more to do at once.
        idle_s: how long to rest when there is not.
        share: most of the time that steps may take.
    """
    return took_s * (1 / share - 1) if more else idle_s
