"""One measured figure, and the goals that some figures have."""

from collections.abc import Callable, Sequence
from statistics import median, quantiles

import msgspec

Say = Callable[[str], None]
"""Told what is measured just now."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What one thing measured, once for each repeat."""

    id: str
    """`<part>.<what>`, stable: files of several runs are compared by it."""
    title: str
    unit: str
    values: tuple[float, ...]
    """One for each repeat."""
    note: str = ""

    @property
    def median(self) -> float:
        """Return the median over the repeats."""
        return median(self.values)


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    repeats: int
    single_tasks: int
    """One round trip each."""
    batched_tasks: int
    latency_tasks: int
    """One after the other, in each repeat."""
    slots: tuple[int, ...]
    tasks_a_slot: int
    idle_s: float
    memory_tasks: int
    starts: int
    """Of each command line."""
    builds: int
    backlogs: tuple[int, ...]
    """Waiting tasks, few and many."""
    calls: int
    """Of each script, at each backlog."""


FULL = Effort(
    repeats=3,
    single_tasks=2_000,
    batched_tasks=20_000,
    latency_tasks=100,
    slots=(2, 4, 8),
    tasks_a_slot=20,
    idle_s=30.0,
    memory_tasks=100_000,
    starts=15,
    builds=5,
    backlogs=(50_000, 1_000_000),
    calls=50,
)
QUICK = Effort(
    repeats=2,
    single_tasks=300,
    batched_tasks=4_000,
    latency_tasks=20,
    slots=(2,),
    tasks_a_slot=10,
    idle_s=10.0,
    memory_tasks=10_000,
    starts=5,
    builds=2,
    backlogs=(5_000, 50_000),
    calls=10,
)


def ratios(of: Figure, to: Figure, *, title: str) -> Figure:
    """Return one figure divided by another, repeat by repeat: machines are noisy."""
    values = tuple(a / b for a, b in zip(of.values, to.values, strict=True))
    return Figure(id=f"{of.id}.ratio", title=title, unit="x", values=values)


def p50_p99(samples: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile; of fewer than 100 samples that is the largest."""
    if len(samples) < 100:
        return median(samples), max(samples)
    return median(samples), quantiles(samples, n=100, method="inclusive")[98]
