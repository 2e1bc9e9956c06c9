"""Why a task waits: asked, and shown."""

from typing import TYPE_CHECKING

import msgspec

from ..broker.lookups import Lookups
from ..broker.why import Why
from .config import Settings
from .reading import look_at_tasks, resolve
from .render.screen import Screen
from .render.why_text import lines_of

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def explain_task(settings: Settings, screen: Screen, selector: str) -> None:
    """Print why one task waits."""

    async def find(namespace: "Namespace") -> Why:
        [task_id] = await resolve(namespace, [selector])
        return await Lookups(namespace).why(task_id)

    found = look_at_tasks(settings, find)
    if screen.json:
        screen.print_json({"schema": 1, **msgspec.to_builtins(found)})
        return
    for line in lines_of(found):
        screen.put(line)
