"""Everything about one task: gathered for `show`."""

from typing import TYPE_CHECKING

import msgspec

from ..broker.definition import Definition
from ..broker.definitions import Definitions
from ..broker.errors import TrustError
from ..broker.history import Step, history
from ..broker.lookups import Lookups
from ..broker.record import Record
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


def show_task(settings: Settings, screen: Screen, selector: str) -> None:
    """Print one task."""
    url = url_of_tasks(settings)

    async def go() -> Details:
        async with connected(url, settings.namespace) as namespace:
            return await _gather(namespace, selector)

    details = loop.run(go)
    if screen.json:
        screen.print_json(_json(details))
        return
    for line in lines_of(details.record, details.history, details.definition):
        screen.put(line)


async def _gather(namespace: "Namespace", selector: str) -> Details:
    [task_id] = await resolve(namespace, [selector])
    record = await Lookups(namespace).record(task_id)
    try:
        definition = await Definitions(namespace).get(record.definition)
    except TrustError:
        definition = None  # altered or gone: a worker will say so, the rest can be shown
    return Details(record=record, history=await history(namespace, task_id), definition=definition)


def _json(details: Details) -> dict[str, object]:
    made_of = details.definition
    return {
        **task_json(details.record),
        "code": msgspec.to_builtins(made_of.code) if made_of else None,
        "entry": msgspec.to_builtins(made_of.entry) if made_of else None,
        "environment": msgspec.to_builtins(made_of.environment) if made_of else None,
        "history": msgspec.to_builtins(details.history),
    }
