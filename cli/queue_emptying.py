"""Empties queues and removes them, after asking."""

from typing import TYPE_CHECKING

from ..broker.errors import SelectorError
from ..broker.names import check_queue
from ..broker.queue_removal import QueueRemoval
from ..broker.queues import QueueView, read_queue
from . import exits
from .config import Settings
from .confirming import is_wanted
from .reading import NOTHING_YET, look
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def purge_queue(settings: Settings, screen: Screen, name: str, *, is_sure: bool) -> int:
    """Cancel what waits in a queue, and tell how far it is; return an exit code."""
    queue = _read(settings, name)
    waiting = queue.waiting + queue.delayed + queue.waiting_for_parents + queue.blocked
    count = f"{waiting}{'' if queue.is_exact else ' or more'}"
    if not is_wanted(screen, f"cancel what waits in queue {name} ({count})", is_sure=is_sure):
        return exits.FAILED

    async def go(namespace: "Namespace") -> int:
        cancelled = 0
        with screen.progress(f"purging queue {name}") as report:
            async for cancelled in QueueRemoval(namespace).purge(name):
                report(f"purging queue {name}: {cancelled} of {count} cancelled")
        return cancelled

    cancelled = look(settings, go, 0)
    if screen.json:
        screen.print_json({"schema": 1, "queue": name, "cancelled": cancelled})
    else:
        screen.put(f"queue {name} purged; cancelled: {cancelled}")
    return exits.OK


def remove_queue(
    settings: Settings, screen: Screen, name: str, *, is_sure: bool, force: bool
) -> int:
    """Remove a queue; return an exit code."""
    _read(settings, name)
    if not is_wanted(screen, f"remove queue {name} and its settings", is_sure=is_sure):
        return exits.FAILED

    async def go(namespace: "Namespace") -> None:
        await QueueRemoval(namespace).delete(name, force=force)

    look(settings, go, None)
    if screen.json:
        screen.print_json({"schema": 1, "queue": name, "is_removed": True})
    else:
        screen.put(f"queue {name} removed")
    return exits.OK


def _read(settings: Settings, name: str) -> QueueView:
    """Return a queue.

    Raises:
        SelectorError: there is none of this name.
    """
    check_queue(name)

    async def find(namespace: "Namespace") -> QueueView | None:
        return await read_queue(namespace, name)

    queue = look(settings, find, None)
    if queue is None:
        raise SelectorError(f"no queue is named {name}: {NOTHING_YET}")
    return queue
