"""How long a queue was, minute by minute, from what is counted in it. Pure."""

from collections.abc import Sequence
from typing import Any

from ..broker.counts import QueueStatistics
from ..broker.queues import QueueView


def waiting_now(queue: QueueView) -> int:
    """Return how many tasks of a queue are still to run: ready, delayed, for others, blocked."""
    return queue.waiting + queue.delayed + queue.waiting_for_parents + queue.blocked


def lengths(steps: Sequence[QueueStatistics], *, waiting: int, running: int) -> list[int]:
    """Return how many tasks waited at the end of each step.

    Nobody writes lengths down: they follow backwards from the present one, since every task
    that came and every one that ended is counted. Tasks that were moved to another queue or
    made drafts again are not, so this may be off by as many; it is never below 0.

    Args:
        steps: of a period that ends now, oldest first.
        waiting: how many wait now.
        running: how many run now.
    """
    found = []
    present = waiting + running
    for step in reversed(steps):
        found.append(max(0, present - running))
        ended = 0 if step.run is None else step.run.count
        present -= step.counts.enqueued - step.counts.finished
        running = max(0, running - step.counts.claimed + ended)
    return found[::-1]


def series(
    steps: Sequence[QueueStatistics], *, step_minutes: int, waiting: int, running: int
) -> dict[str, Any]:
    """Return lines to draw: lists of one length, oldest first."""
    return {
        "step_minutes": step_minutes,
        "until_ms": [step.until_ms for step in steps],
        "length": lengths(steps, waiting=waiting, running=running),
        "enqueued": [step.counts.enqueued for step in steps],
        "finished": [step.counts.finished for step in steps],
        "failed": [step.counts.failed + step.counts.errored for step in steps],
        "wait_p50_s": [step.wait.p50_s if step.wait else None for step in steps],
        "wait_p95_s": [step.wait.p95_s if step.wait else None for step in steps],
    }
