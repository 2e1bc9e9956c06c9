"""Why a task waits: asked, and shown."""

import msgspec

from ..broker.lookups import Lookups
from ..broker.why import Why
from . import loop
from .config import Settings
from .connected import connected
from .reading import resolve, url_of_tasks
from .render.screen import Screen
from .render.why_text import lines_of


def explain_task(settings: Settings, screen: Screen, selector: str) -> None:
    """Print why one task waits."""
    url = url_of_tasks(settings)

    async def go() -> Why:
        async with connected(url, settings.namespace) as namespace:
            [task_id] = await resolve(namespace, [selector])
            return await Lookups(namespace).why(task_id)

    found = loop.run(go)
    if screen.json:
        screen.print_json({"schema": 1, **msgspec.to_builtins(found)})
        return
    for line in lines_of(found):
        screen.put(line)
