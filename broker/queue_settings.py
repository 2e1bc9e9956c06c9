"""Making queues, holding them back, and what they are worth beside others."""

import math
from typing import Final

from .errors import UsageError
from .names import check_queue
from .namespace import Namespace
from .queues import queue_names, unknown_queue
from .scripts import Argument, Script

MOST_RUNNING: Final = 1_000_000_000
LEAST_WEIGHT: Final = 0.001
MOST_WEIGHT: Final = 1_000_000.0
LEAST_AGEING_MS: Final = 1_000
MOST_AGEING_MS: Final = 10 * 366 * 86_400_000
_MAX_TEXT: Final = 255


class QueueSettings:
    """Changes queues. What a method says counts from the next claim on; what runs goes on.

    All but create() return whether anything changed, and raise SelectorError where there is no
    queue of that name.
    """

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def create(self, queue: str, *, description: str = "") -> bool:
        """Make a queue, or change the description of one; return whether it is new.

        Args:
            queue: its name.
            description: told to people; empty: leave it as it is.

        Raises:
            UsageError: the name or the description is not acceptable.
        """
        check_queue(queue)
        if len(description) > _MAX_TEXT or not description.isprintable():
            raise UsageError(
                f"a description is one line of at most {_MAX_TEXT} characters,"
                f" not {len(description)} of any kind"
            )
        return bool(await self._ns.scripts.describe_queue([queue, description]))

    async def pause(self, queue: str) -> bool:
        """Let no task be claimed until the queue is resumed."""
        return await self._change(self._ns.scripts.pause_queue, queue)

    async def resume(self, queue: str) -> bool:
        """Let tasks be claimed again, and wake as many workers as there are tasks for."""
        return await self._change(self._ns.scripts.resume_queue, queue)

    async def limit(self, queue: str, most: int | None) -> bool:
        """Let at most so many tasks run at a time; None: any number.

        Raises:
            UsageError: below 0 or above a thousand million.
        """
        if most is not None and not 0 <= most <= MOST_RUNNING:
            raise UsageError(f"limit {most}: use a number from 0 to {MOST_RUNNING}")
        return await self._change(self._ns.scripts.limit_queue, queue, "" if most is None else most)

    async def weigh(self, queue: str, weight: float) -> bool:
        """Give a queue a larger or smaller share under round robin; 1 is usual.

        Raises:
            UsageError: not from 0.001 to 1000000.
        """
        if not math.isfinite(weight) or not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
            raise UsageError(
                f"weight {weight:g}: use a number from {LEAST_WEIGHT:g} to {MOST_WEIGHT:.0f}"
            )
        return await self._change(self._ns.scripts.weigh_queue, queue, f"{weight:.9g}")

    async def age(self, queue: str, after_ms: int | None) -> bool:
        """Let a task rise by one priority each time that it has waited so long; None: never.

        Raises:
            UsageError: below a second or above ten years.
        """
        if after_ms is not None and not LEAST_AGEING_MS <= after_ms <= MOST_AGEING_MS:
            raise UsageError(f"ageing of {after_ms} ms: use a time from one second to ten years")
        return await self._change(
            self._ns.scripts.age_queue, queue, "" if after_ms is None else after_ms
        )

    async def _change(self, script: Script, queue: str, *arguments: Argument) -> bool:
        check_queue(queue)
        outcome = await script([queue, *arguments])
        if outcome < 0:
            raise unknown_queue(queue, await queue_names(self._ns))
        return bool(outcome)
