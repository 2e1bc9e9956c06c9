"""How many light tasks to claim before there is a place for them. Pure.

Between the end of a task and the claim of the next one lies a round trip. Where tasks are short,
a host would stand still meanwhile, so a few more are claimed: as many as are expected to end soon.
They hold a lease and wait in this worker, where another one can't have them; hence only few.
"""

import math
from typing import Final

SOON_MS: Final = 30.0
MOST: Final = 400
_LONG_MS: Final = 300.0
"""Of tasks of this length a round trip is a small part: another worker may be free sooner."""
_LEAST_MS: Final = 0.05
_FRESH_MS: Final = 100.0
"""An end is this long a sign that more will follow."""

BATCH: Final = 200
"""Light tasks of one claim, at most."""
_WORTH: Final = 64


def ahead(*, slots: int, typical_ms: float, since_end_ms: float) -> int:
    """Return how many more light tasks may be claimed than have a place.

    Args:
        slots: light tasks that may run at once.
        typical_ms: how long one lasted of late.
        since_end_ms: how long ago the last one ended.
    """
    if typical_ms > _LONG_MS or since_end_ms > _FRESH_MS:
        return 0
    return min(MOST, math.ceil(slots * SOON_MS / max(typical_ms, _LEAST_MS)))


def is_worth_a_claim(*, room: int, held: int, typical_ms: float) -> bool:
    """Return whether to claim for so much room now, and not when there is more in a moment.

    Args:
        room: for how many light tasks.
        held: how many run or wait already.
        typical_ms: how long one lasted of late.
    """
    return typical_ms > SOON_MS or room >= min(_WORTH, held)
