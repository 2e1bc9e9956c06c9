"""Makes queues and changes their settings, and says what changed."""

import math
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..broker.errors import SelectorError, UsageError
from ..broker.names import check_queue
from ..broker.queue_settings import MOST_RUNNING, QueueSettings
from . import loop, values
from .broker_url import working_url
from .config import Settings
from .connected import connected
from .reading import NOTHING_YET, look
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def create_queue(settings: Settings, screen: Screen, name: str, *, description: str) -> None:
    """Make a queue, or change what is said of one."""
    check_queue(name)
    url = working_url(settings, report=screen.say)

    async def go() -> bool:
        async with connected(url, settings.namespace, warn=screen.warn) as namespace:
            return await QueueSettings(namespace).create(name, description=description)

    old = "is described anew" if description else "was there already"
    _tell(screen, name, is_changed=loop.run(go), words=("created", old))


def pause_queue(settings: Settings, screen: Screen, name: str) -> None:
    """Let no task of a queue be claimed."""
    words = ("paused; what runs goes on", "was paused already")
    _change(settings, screen, name, lambda queues: queues.pause(name), words)


def resume_queue(settings: Settings, screen: Screen, name: str) -> None:
    """Let tasks of a queue be claimed again."""
    words = ("resumed", "was not paused")
    _change(settings, screen, name, lambda queues: queues.resume(name), words)


def limit_queue(settings: Settings, screen: Screen, name: str, most: str) -> None:
    """Let only so many tasks of a queue run at a time; `none`: any number."""
    limit = None
    if most != "none":
        if not re.fullmatch(r"[0-9]{1,10}", most, re.ASCII) or int(most) > MOST_RUNNING:
            raise UsageError(f"limit {most}: write a number from 0 to {MOST_RUNNING}, or none")
        limit = int(most)
    now = "has no limit" if limit is None else f"runs at most {limit} at a time"
    _change(
        settings, screen, name, lambda queues: queues.limit(name, limit), (now, f"{now} already")
    )


def weigh_queue(settings: Settings, screen: Screen, name: str, value: str) -> None:
    """Give a queue a larger or smaller share under round robin."""
    weight = float(value) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value, re.ASCII) else math.nan
    if math.isnan(weight):
        raise UsageError(f"weight {value}: write a number, like 2 or 0.5")
    now = f"has weight {weight:g}"
    _change(
        settings, screen, name, lambda queues: queues.weigh(name, weight), (now, f"{now} already")
    )


def age_queue(settings: Settings, screen: Screen, name: str, after: str) -> None:
    """Let a task rise by one priority each time that it has waited so long; `off`: never."""
    after_ms = None if after == "off" else int(values.duration_s(after, "ageing") * 1000)
    now = "does not age" if after_ms is None else f"lets a task rise each {after}"
    _change(
        settings, screen, name, lambda queues: queues.age(name, after_ms), (now, f"{now} already")
    )


def _change(
    settings: Settings,
    screen: Screen,
    name: str,
    change: Callable[[QueueSettings], Awaitable[bool]],
    words: tuple[str, str],
) -> None:
    check_queue(name)

    async def go(namespace: "Namespace") -> bool | None:
        return await change(QueueSettings(namespace))

    is_changed = look(settings, go, None)
    if is_changed is None:
        raise SelectorError(f"no queue is named {name}: {NOTHING_YET}")
    _tell(screen, name, is_changed=is_changed, words=words)


def _tell(screen: Screen, name: str, *, is_changed: bool, words: tuple[str, str]) -> None:
    if screen.json:
        screen.print_json({"schema": 1, "queue": name, "is_changed": is_changed})
    else:
        screen.put(f"queue {name} {words[0] if is_changed else words[1]}")
