"""What the shell offers after <Tab>: looked up in Redis, within a time that nobody notices."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from .config import Settings

_Found = TypeVar("_Found")

_LIMIT_S: Final = 0.3
"""From the key to the answer, the start of this process included."""
_LEAST_S: Final = 0.1
_MOST_TASKS: Final = 30


def context_names(incomplete: str) -> list[str]:
    """Return the names of contexts that begin so."""
    from ..broker.errors import RqAgentError
    from . import config, contexts

    try:
        found = [*contexts.names(config.home_of(config.variables())), contexts.LOCAL]
    except (RqAgentError, OSError):
        return []
    return [name for name in found if name.startswith(incomplete)]


def queue_names(incomplete: str) -> list[str]:
    """Return the names of queues that begin so."""

    async def find(namespace: "Namespace") -> Sequence[str]:
        from ..broker import queues

        return await queues.queue_names(namespace)

    return [name for name in _look_up(find) if name.startswith(incomplete)]


def worker_names(incomplete: str) -> list[str]:
    """Return the names of live workers that begin so."""

    async def find(namespace: "Namespace") -> Sequence[str]:
        from ..broker.presence import Workers

        return [worker.name for worker in await Workers(namespace).live()]

    return [name for name in _look_up(find) if name.startswith(incomplete)]


def schedule_names(incomplete: str) -> list[str]:
    """Return the names of schedules that begin so."""

    async def find(namespace: "Namespace") -> Sequence[str]:
        from ..broker.schedules import Schedules

        return [schedule.name for schedule in await Schedules(namespace).list()]

    return [name for name in _look_up(find) if name.startswith(incomplete)]


def task_ids(incomplete: str) -> list[tuple[str, str]]:
    """Return the ids of the newest tasks that begin so, with name and state."""

    async def find(namespace: "Namespace") -> Sequence[tuple[str, str]]:
        from ..broker.lookups import Lookups

        page = await Lookups(namespace).list(limit=_MOST_TASKS)
        return [(record.id, f"{record.name} ({record.state})") for record in page.records]

    found = [(name, text) for name, text in _look_up(find) if name.startswith(incomplete)]
    return [*found, ("last", "your newest task")] if "last".startswith(incomplete) else found


def _look_up(find: Callable[["Namespace"], Awaitable[Sequence[_Found]]]) -> Sequence[_Found]:
    """Return what find() returns; nothing when Redis is away, slow or not configured."""
    from ..broker import quick_look
    from ..broker.errors import RqAgentError
    from .broker_url import likely_url
    from .config import load

    try:
        settings = load()
        # What the start took was nearly all its own computing.
        left_s = max(_LEAST_S, _LIMIT_S - time.process_time())
        return quick_look.look(likely_url(settings), settings.namespace, find, limit_s=left_s)
    except quick_look.NotQuick:
        return _look_well(find, settings)
    except (RqAgentError, OSError):
        return []


def _look_well(
    find: Callable[["Namespace"], Awaitable[Sequence[_Found]]], settings: "Settings"
) -> Sequence[_Found]:
    import anyio

    from ..broker.errors import RqAgentError
    from .broker_url import existing_url
    from .connected import connected

    async def look(url: str, name: str) -> Sequence[_Found]:
        with anyio.move_on_after(_LEAST_S):
            async with connected(url, name) as namespace:
                return await find(namespace)
        return []

    try:
        url = existing_url(settings)
        return anyio.run(look, url, settings.namespace) if url else []
    except (RqAgentError, OSError):
        return []
