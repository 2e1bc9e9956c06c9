"""Says of a queue that nobody serves it: most often its name is mistyped."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from ..broker.presence import Workers
from ..broker.queues import queue_names, with_light_tasks
from . import service_slots

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def work_command(queue: str, *, is_light: bool) -> str:
    """Return the command that starts a worker for a queue. Pure.

    Args:
        queue: that nobody takes from.
        is_light: light tasks wait there; such a worker takes ordinary ones, too.
    """
    services = f"--services {service_slots.USUAL} " if is_light else ""
    return f"rq-agent work {services}--queues {queue}"


async def near_queue(namespace: "Namespace", queue: str) -> str:
    """Return ` (did you mean queue ...?)` where another queue has nearly this name."""
    others = [name for name in await queue_names(namespace) if name != queue]
    near = get_close_matches(queue, others, n=1)
    return f" (did you mean queue {near[0]}?)" if near else ""


async def silence_of(namespace: "Namespace", queue: str) -> str:
    """Return a warning that no worker takes from a queue; empty if one does."""
    if await Workers(namespace).listening(queue):
        return ""
    meant = await near_queue(namespace, queue)
    is_light = queue in await with_light_tasks(namespace, [queue])
    return (
        f"no worker listens there yet{meant}; start one:  {work_command(queue, is_light=is_light)}"
    )
