"""Everything about one task: gathered for `show`."""

from typing import TYPE_CHECKING

import msgspec

from ..broker.definition import Definition
from ..broker.definitions import Definitions
from ..broker.errors import NothingSelected, TaskNotFound, TrustError
from ..broker.history import Step, history
from ..broker.lookups import Lookups
from ..broker.record import Record
from ..broker.states import TaskState
from ..broker.why_workers import Reason
from . import loop
from .config import Settings
from .connected import connected
from .reading import resolve, url_of_tasks
from .render.detail_text import lines_of
from .render.records import task_json
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """One task, what it is made of, and what happened to it."""

    record: Record
    history: list[Step]
    definition: Definition | None
    """None when it can't be read."""
    waits: tuple[Reason, ...] = ()
    """Why it waits, the most important reason first; empty when it does not."""
    is_archived: bool = False
    """It left Redis; this is what the archive has of it."""


def show_task(settings: Settings, screen: Screen, selector: str) -> None:
    """Print one task."""
    url = url_of_tasks(settings)

    async def go() -> Details:
        async with connected(url, settings.namespace) as namespace:
            try:
                return await _gather(namespace, selector)
            except (NothingSelected, TaskNotFound) as e:
                absent = e
            if (found := await _gather_archived(settings, screen, selector)) is None:
                raise absent
            return found

    details = loop.run(go)
    if screen.json:
        screen.print_json(_json(details))
        return
    waits = details.waits[0].text if details.waits else ""
    for line in lines_of(details.record, details.history, details.definition, waits):
        screen.put(line)
    if details.is_archived:
        screen.say("this task has left Redis: shown from the archive")


async def _gather(namespace: "Namespace", selector: str) -> Details:
    [task_id] = await resolve(namespace, [selector])
    record = await Lookups(namespace).record(task_id)
    try:
        definition = await Definitions(namespace).get(record.definition)
    except TrustError:
        definition = None  # altered or gone: a worker will say so, the rest can be shown
    return Details(
        record=record,
        history=await history(namespace, task_id),
        definition=definition,
        waits=await _reasons(namespace, record),
    )


async def _reasons(namespace: "Namespace", record: Record) -> tuple[Reason, ...]:
    if record.is_final or record.state == TaskState.RUNNING:
        return ()
    try:
        return (await Lookups(namespace).why(record.id)).reasons
    except TaskNotFound:
        return ()  # its record is none, or was purged just now


async def _gather_archived(settings: Settings, screen: Screen, selector: str) -> Details | None:
    from .archived import archived_definition, find_archived  # only where it is needed

    task = await find_archived(settings, selector, warn=screen.warn)
    if task is None:
        return None
    record = task.record
    return Details(
        record=record,
        history=task.history,
        definition=await archived_definition(settings, record.definition),
        is_archived=True,
    )


def _json(details: Details) -> dict[str, object]:
    made_of = details.definition
    return {
        **task_json(details.record),
        "code": msgspec.to_builtins(made_of.code) if made_of else None,
        "entry": msgspec.to_builtins(made_of.entry) if made_of else None,
        "environment": msgspec.to_builtins(made_of.environment) if made_of else None,
        "archived": details.is_archived,
        "waits": msgspec.to_builtins(details.waits),
        "history": msgspec.to_builtins(details.history),
    }
