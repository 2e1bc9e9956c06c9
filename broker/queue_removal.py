"""Emptying queues, and forgetting them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from . import retention
from .decoding import text
from .errors import QueueInUse
from .names import check_queue
from .namespace import Namespace
from .queues import queue_names, unknown_queue

BATCH: Final = 200
"""Tasks that one call of the script cancels."""


class QueueRemoval:
    """Cancels what waits in queues, and deletes them.

    Its methods raise SelectorError where there is no queue of that name.
    """

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def purge(self, queue: str) -> AsyncIterator[int]:
        """Cancel what was added before now and waits in a queue; drafts and what runs stay.

        Yields, after each batch, how many tasks were cancelled so far. When it is broken off, the
        rest is as it was: purge again.
        """
        check_queue(queue)
        cancelled, after, until_ms = 0, b"", 0
        while True:
            reply: Sequence[Any] = await self._ns.scripts.purge_queue(
                [queue, after, until_ms, BATCH, retention.RECORD_MS]
            )
            if len(reply) == 1:
                raise unknown_queue(queue, await queue_names(self._ns))
            count, after, until_ms = reply
            cancelled += count
            yield cancelled
            if not after:
                return

    async def delete(self, queue: str, *, force: bool = False) -> None:
        """Forget a queue whose tasks are all final. They keep its name.

        Args:
            queue: its name.
            force: although live workers listen to it: they see an empty queue, and go on with it
                when it appears again.

        Raises:
            QueueInUse: it has a task that is not final, or a live worker listens to it.
        """
        check_queue(queue)
        after, sequence = b"", b""
        while True:
            reply: Sequence[Any] = await self._ns.scripts.delete_queue(
                [queue, after, sequence, int(force)]
            )
            match [text(part) for part in reply]:
                case ["deleted"]:
                    return
                case ["missing"]:
                    raise unknown_queue(queue, await queue_names(self._ns))
                case ["used", task_id, state]:
                    raise QueueInUse(queue, _used(queue, task_id, state))
                case ["listened", *workers]:
                    raise QueueInUse(
                        queue,
                        f"is listened to by {', '.join(workers)}; stop or drain these workers"
                        " first, or force it",
                    )
            after, sequence = reply[1], reply[2]


def _used(queue: str, task_id: str, state: str) -> str:
    advice = f"purge it first: rq-agent queue purge {queue}"
    if state == "running":
        advice = "wait for it, or cancel it"
    if state == "draft":
        advice = f"cancel it or move it: rq-agent move {task_id} --queue NAME"
    return f"has tasks that are not final ({task_id} is {state}); {advice}"
