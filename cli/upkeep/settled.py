"""When what `up` was asked for has been done, as far as that can be waited for."""

import time
from typing import Final

from . import place
from .place import PartState, Place, UpState
from .wanted import WORKERS, Part, Wanted, parts

_LIMIT_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05
_SOON_S: Final = 3.0


def wait(here: Place, wanted: Wanted) -> UpState | None:
    """Return the state when everything runs, or has failed once; at last as it is then."""
    give_up = time.monotonic() + _LIMIT_S
    while True:
        state = place.read_state(here)
        if state and is_settled(state, wanted, now_s=time.time()):
            return state
        if time.monotonic() > give_up:
            return state
        time.sleep(_LOOK_EVERY_S)


def is_settled(state: UpState, wanted: Wanted, *, now_s: float) -> bool:
    """Return whether every process that is wanted runs or has a problem, and no other. Pure.

    A worker that finishes its tasks before it makes way is not waited for: that may take days.
    """
    if state.wanted != wanted:
        return False
    found = {each.name: each for each in state.parts}
    expected = {part.name: part for part in parts(wanted)}
    return all(_is_done(found.get(name), expected.get(name), now_s) for name in {*found, *expected})


def _is_done(found: PartState | None, part: Part | None, now_s: float) -> bool:
    if found is None:
        return False
    if found.state == "stopping":
        return found.name in WORKERS and now_s - found.since_s > _SOON_S
    return part is not None and found.arguments == part.arguments and found.state != "starting"
