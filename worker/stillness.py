"""When a task counts as hanging: no output, no CPU and no GPU use for a while. Pure."""

from typing import Final, Literal

import msgspec

CORE_SHARE: Final = 0.005
"""Of one core. A hanging program is seldom quite still: threads of its libraries look around."""
LOOKS: Final = 30
"""Within the time after which a task hangs."""
_LONGEST_S: Final = 60.0
_SHORTEST_S: Final = 0.05


class Signs(msgspec.Struct, frozen=True, kw_only=True):
    """What can be seen of a task from outside, at one moment."""

    at_s: float
    """On a clock that stands while the machine sleeps."""
    output_bytes: int
    cpu_s: float
    """Of all its processes, those that ended and were waited for included."""
    gpu_busy: bool = False


class Stillness(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one task since its last sign of life."""

    last: Signs
    since_s: float
    """When the last sign of life was seen."""
    is_hanging: bool = False

    @property
    def still_s(self) -> float:
        """How long it has been still."""
        return self.last.at_s - self.since_s


def first(signs: Signs) -> Stillness:
    """Return what is known after one look: to be watched at all is a sign of life."""
    return Stillness(last=signs, since_s=signs.at_s)


def step(
    before: Stillness, now: Signs, *, limit_s: float
) -> tuple[Stillness, Literal["hanging", "moving"] | None]:
    """Return what is known after one more look, and what to tell, if anything: once per hang.

    Args:
        before: after the look before.
        now: what is seen.
        limit_s: how long a task that hangs is still.
    """
    if is_alive(before.last, now):
        return first(now), "moving" if before.is_hanging else None
    if now.at_s - before.last.at_s > limit_s / 2 and not before.is_hanging:
        return first(now), None  # nobody looked for long: its worker was stopped, not the task
    still = msgspec.structs.replace(before, last=now)
    if before.is_hanging or still.still_s < limit_s:
        return still, None
    return msgspec.structs.replace(still, is_hanging=True), "hanging"


def is_alive(before: Signs, now: Signs) -> bool:
    """Return whether a task showed a sign of life between two looks."""
    if now.gpu_busy or now.output_bytes != before.output_bytes:
        return True
    used_s = now.cpu_s - before.cpu_s
    if used_s < 0:
        return True  # some of its processes are gone, and their time with them
    return used_s > CORE_SHARE * (now.at_s - before.at_s)


def look_every_s(limit_s: float) -> float:
    """Return how long to wait between two looks."""
    return min(_LONGEST_S, max(_SHORTEST_S, limit_s / LOOKS))
