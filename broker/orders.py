"""In which order a worker takes tasks from its queues, and what it may be woken for. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from .errors import UsageError
from .names import check_queue

MOST_QUEUES: Final = 256
MAX_WEIGHT: Final = 1000.0

Mode = Literal["priority", "round-robin", "weighted"]
Weight = Annotated[float, msgspec.Meta(gt=0, le=MAX_WEIGHT)]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The queues of a worker and how it chooses between them. Made by parse()."""

    mode: Mode
    """`priority`: the first listed queue with a task. `round-robin`: one task of each in turn.
    `weighted`: in turn, by weight."""
    queues: tuple[str, ...]
    weights: tuple[Weight, ...] = ()
    """One for each queue when weighted, else empty."""

    @property
    def id(self) -> str:
        """The name under which the turns of this order are kept: all its workers share them."""
        return "o" + _digest(self.mode, *self.queues, *(f"{w:g}" for w in self.weights))

    @property
    def all_weights(self) -> tuple[float, ...]:
        """One weight for each queue, whatever the mode."""
        return self.weights or (1.0,) * len(self.queues)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What a parked worker may be woken for: the same for all workers alike."""

    order: Order
    shapes: tuple[str, ...]
    """Shapes that fit into what the worker has free."""

    @property
    def id(self) -> str:
        """The name under which workers of this profile park."""
        return "p" + _digest(self.order.id, *sorted(self.shapes))


def parse(mode: str, queues: Sequence[str]) -> Order:
    """Return the order of a `--mode` and `--queues`.

    Args:
        mode: `priority`, `round-robin`, or `weighted:3,1` with a weight for each queue.
        queues: names, the most important first.

    Raises:
        UsageError: unknown mode, wrong number of weights, no queue, a bad or repeated name.
    """
    _check_queues(queues)
    name, _, weights = mode.partition(":")
    if mode == "priority":
        return Order(mode="priority", queues=tuple(queues))
    if mode == "round-robin":
        return Order(mode="round-robin", queues=tuple(queues))
    if name == "weighted":
        return Order(mode="weighted", queues=tuple(queues), weights=_weights(mode, weights, queues))
    raise UsageError(
        f"mode {mode!r} is not known; use priority, round-robin, or weighted:3,1"
        " with a weight for each queue"
    )


def _check_queues(queues: Sequence[str]) -> None:
    if not 1 <= len(queues) <= MOST_QUEUES:
        raise UsageError(f"a worker takes 1 to {MOST_QUEUES} queues, not {len(queues)}")
    for queue in queues:
        check_queue(queue)
    if repeated := {q for q in queues if list(queues).count(q) > 1}:
        raise UsageError(f"queue {min(repeated)!r} is listed twice")


def _weights(mode: str, text: str, queues: Sequence[str]) -> tuple[float, ...]:
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError:
        weights = ()
    if len(weights) != len(queues):
        raise UsageError(f"mode {mode!r} needs {len(queues)} weights, one for each queue")
    if not all(0 < w <= MAX_WEIGHT for w in weights):
        raise UsageError(f"mode {mode!r}: a weight is above 0 and at most {MAX_WEIGHT:g}")
    return weights


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
