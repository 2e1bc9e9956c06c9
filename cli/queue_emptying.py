"""Empties queues and removes them, after asking."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..broker.errors import SelectorError
from ..broker.names import check_queue
from ..broker.queue_removal import QueueRemoval
from ..broker.queues import QueueView, read_queue
from . import exits
from .config import Settings
from .confirming import is_wanted
from .queue_changes import check_queues
from .reading import NOTHING_YET, look
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def purge_queues(
    settings: Settings, screen: Screen, names: Sequence[str], *, is_sure: bool, dry_run: bool
) -> int:
    """Cancel what waits in some queues, and tell how far it is; return an exit code."""
    found = _read(settings, names)
    counts = {queue.name: _words(queue) for queue in found}
    listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
    what = f"cancel what waits in queue{'' if len(counts) == 1 else 's'} {listed}"
    if dry_run:
        _preview(screen, found)
        return exits.OK
    if not is_wanted(screen, what, is_sure=is_sure):
        return exits.FAILED
    told = {name: _purge(settings, screen, name, count) for name, count in counts.items()}
    if screen.json:
        purged = [{"queue": name, "cancelled": count} for name, count in told.items()]
        screen.print_json({"schema": 1, "queues": purged})
    return exits.OK


def remove_queues(
    settings: Settings, screen: Screen, names: Sequence[str], *, is_sure: bool, force: bool
) -> int:
    """Remove queues; return an exit code."""
    found = [queue.name for queue in _read(settings, names)]
    what = f"queue {found[0]} and its settings"
    if len(found) > 1:
        what = f"queues {', '.join(found)} and their settings"
    if not is_wanted(screen, f"remove {what}", is_sure=is_sure):
        return exits.FAILED
    removed: list[dict[str, object]] = []

    async def go(namespace: "Namespace") -> None:
        for name in found:
            await QueueRemoval(namespace).delete(name, force=force)
            removed.append({"queue": name, "is_removed": True})
            if not screen.json:
                screen.put(f"queue {name} removed")

    look(settings, go, None)
    if screen.json:
        screen.print_json({"schema": 1, "queues": removed})
    return exits.OK


def _purge(settings: Settings, screen: Screen, name: str, count: str) -> int:
    async def go(namespace: "Namespace") -> int:
        cancelled = 0
        with screen.progress(f"purging queue {name}") as report:
            async for cancelled in QueueRemoval(namespace).purge(name):
                report(f"purging queue {name}: {cancelled} of {count} cancelled")
        return cancelled

    cancelled = look(settings, go, 0)
    if not screen.json:
        screen.put(f"queue {name} purged; cancelled: {cancelled}")
    return cancelled


def _preview(screen: Screen, found: Sequence[QueueView]) -> None:
    if screen.json:
        told = [
            {"queue": queue.name, "waiting": _waiting(queue), "is_exact": queue.is_exact}
            for queue in found
        ]
        screen.print_json({"schema": 1, "dry_run": True, "queues": told})
        return
    for queue in found:
        screen.put(f"queue {queue.name} would be purged; to cancel: {_words(queue)}")


def _waiting(queue: QueueView) -> int:
    return queue.waiting + queue.delayed + queue.waiting_for_parents + queue.blocked


def _words(queue: QueueView) -> str:
    return f"{_waiting(queue)}{'' if queue.is_exact else ' or more'}"


def _read(settings: Settings, names: Sequence[str]) -> list[QueueView]:
    """Return queues, each once.

    Raises:
        SelectorError: there is none of one of the names.
    """
    for name in names:
        check_queue(name)

    async def find(namespace: "Namespace") -> list[QueueView] | None:
        await check_queues(namespace, names)
        return [await read_queue(namespace, name) for name in dict.fromkeys(names)]

    queues = look(settings, find, None)
    if queues is None:
        raise SelectorError(f"no queue is named {names[0]}: {NOTHING_YET}")
    return queues
