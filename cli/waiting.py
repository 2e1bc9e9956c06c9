"""Waits for the end of tasks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import anyio

from ..broker.errors import AccessDenied, BrokerUnavailable
from ..broker.lookups import Lookups
from . import exits, loop, values
from .config import Settings
from .connected import connected
from .following import ended_line
from .reading import resolve, url_of_tasks
from .render.records import task_json, tasks_json
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.record import Record

_LOOK_EVERY_S: Final = 0.2
_RETRY_S: Final = 1.0


def wait_for(settings: Settings, screen: Screen, selectors: Sequence[str], timeout: str) -> int:
    """Wait, say how each task ended, and return the exit code."""
    limit_s = values.duration_s(timeout, "--timeout") if timeout else None
    url = url_of_tasks(settings)
    ended: dict[TaskId, Record] = {}
    ids: list[TaskId] = []

    async def go() -> None:
        async with connected(url, settings.namespace) as namespace:
            ids.extend(await resolve(namespace, selectors))
            with anyio.move_on_after(limit_s):
                await _watch(Lookups(namespace), ids, ended, screen)

    try:
        loop.run(go)
    except KeyboardInterrupt:
        screen.say("interrupted; the tasks go on")
        return exits.INTERRUPTED
    records = [ended[task_id] for task_id in ids if task_id in ended]
    if screen.json:
        screen.print_json(
            task_json(records[0]) if len(ids) == len(records) == 1 else tasks_json(records)
        )
    if len(records) < len(ids):
        screen.say(f"{len(ids) - len(records)} of {len(ids)} tasks have not ended in {timeout}")
        return exits.TIMED_OUT
    return exit_code(records)


def exit_code(records: "Sequence[Record]") -> int:
    """Return the code of one task, or whether all of several succeeded. Pure."""
    codes = [exits.of_task(record) for record in records]
    return codes[0] if len(codes) == 1 else exits.FAILED if any(codes) else exits.OK


async def _watch(
    lookups: Lookups, ids: "Sequence[TaskId]", ended: "dict[TaskId, Record]", screen: Screen
) -> None:
    """Look until all have ended; a missing Redis is waited for."""
    is_away = False
    while missing := [task_id for task_id in ids if task_id not in ended]:
        try:
            records = await lookups.records(missing)
        except AccessDenied:
            raise
        except BrokerUnavailable as e:
            if not is_away:
                screen.say(f"{e}; waiting for Redis")
            is_away = True
            await anyio.sleep(_RETRY_S)
            continue
        is_away = False
        for record in records:
            if record.is_final:
                ended[record.id] = record
                screen.say(ended_line(record))
        if len(ended) < len(ids):
            await anyio.sleep(_LOOK_EVERY_S)
