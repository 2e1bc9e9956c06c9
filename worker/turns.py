"""What to ask for in one claim. Pure.

A claim names shapes, not a mixture, so as many tasks are asked for as fit of any mixture: where
one ordinary slot and a thousand service slots are free, that is one. So light tasks have turns of
their own.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from ..broker.needs import Free, Need
from .capacity import Capacity, claimable, fitting
from .services.ahead import BATCH

_ORDINARY_BATCH: Final = 64


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One claim."""

    shapes: tuple[str, ...]
    limit: int
    """0: nothing that is known fits; it is asked all the same, to hear of a new shape."""
    park: bool
    """Where nothing is ready, wait to be woken."""
    ahead: int = 0
    """Of the limit, how many more light tasks than have a place."""
    is_light: bool = False
    """Light tasks alone."""


def wide_turn(known: Mapping[str, Need], capacity: Capacity, *, most: int | None) -> Turn | None:
    """Return a claim of whatever fits; None: nothing does."""
    free = capacity.free
    if not (free.slots or free.gpus or free.light):
        return None
    return _turn(known, free, most=most)


def light_turn(
    known: Mapping[str, Need], capacity: Capacity, *, ahead: int, most: int | None
) -> Turn | None:
    """Return a claim of light tasks, some ahead of their places; None: there is none for them."""
    if capacity.light_left + ahead <= 0:
        return None
    light = {shape: need for shape, need in known.items() if need.light}
    turn = _turn(light, capacity.ahead_of(ahead), most=most)
    if not turn.limit:
        return None
    return msgspec.structs.replace(turn, park=False, ahead=ahead, is_light=True)


def _turn(known: Mapping[str, Need], free: Free, *, most: int | None) -> Turn:
    shapes = fitting(known, free)
    needs = {shape: known[shape] for shape in shapes}
    batch = BATCH if all(need.light for need in needs.values()) else _ORDINARY_BATCH
    limit = claimable(needs, free, most=batch if most is None else min(batch, most))
    return Turn(shapes=shapes, limit=limit, park=True)
