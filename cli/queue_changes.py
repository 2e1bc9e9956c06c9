"""Makes queues and changes their settings, and says what changed."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ..broker.errors import SelectorError, UsageError
from ..broker.names import check_queue
from ..broker.queue_settings import (
    LEAST_AGEING_MS,
    LEAST_WEIGHT,
    MOST_AGEING_MS,
    MOST_RUNNING,
    MOST_WEIGHT,
    QueueSettings,
)
from ..broker.queues import queue_names, unknown_queue
from . import loop, values
from .broker_url import working_url
from .config import Settings
from .connected import connected
from .reading import NOTHING_YET, look
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace

Change = Callable[[QueueSettings, str], Awaitable[bool]]


def create_queue(settings: Settings, screen: Screen, name: str, *, description: str) -> None:
    """Make a queue, or change what is said of one."""
    check_queue(name)
    url = working_url(settings, report=screen.say)

    async def go() -> bool:
        async with connected(url, settings.namespace, warn=screen.warn) as namespace:
            return await QueueSettings(namespace).create(name, description=description)

    old = "is described anew" if description else "was there already"
    _tell(screen, {name: loop.run(go)}, words=("created", old))


def pause_queues(settings: Settings, screen: Screen, names: Sequence[str]) -> None:
    """Let no task of some queues be claimed."""
    words = ("paused; what runs goes on", "was paused already")
    _change(settings, screen, names, lambda queues, name: queues.pause(name), words)


def resume_queues(settings: Settings, screen: Screen, names: Sequence[str]) -> None:
    """Let tasks of some queues be claimed again."""
    words = ("resumed", "was not paused")
    _change(settings, screen, names, lambda queues, name: queues.resume(name), words)


def limit_queues(settings: Settings, screen: Screen, names: Sequence[str], most: str) -> None:
    """Let only so many tasks of each of some queues run at a time; `none`: any number."""
    limit = None
    if most != "none":
        if not re.fullmatch(r"[0-9]{1,10}", most, re.ASCII) or int(most) > MOST_RUNNING:
            raise UsageError(f"limit {most}: write a number from 0 to {MOST_RUNNING}, or none")
        limit = int(most)
    now = "has no limit" if limit is None else f"runs at most {limit} at a time"
    words = (now, f"{now} already")
    _change(settings, screen, names, lambda queues, name: queues.limit(name, limit), words)


def weigh_queues(settings: Settings, screen: Screen, names: Sequence[str], value: str) -> None:
    """Give queues a larger or smaller share under round robin."""
    weight = float(value) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value, re.ASCII) else 0.0
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise UsageError(
            f"weight {value}: write a number from {LEAST_WEIGHT:g} to {MOST_WEIGHT:.0f}, like 2"
        )
    words = (f"has weight {weight:g}", f"has weight {weight:g} already")
    _change(settings, screen, names, lambda queues, name: queues.weigh(name, weight), words)


def age_queues(settings: Settings, screen: Screen, names: Sequence[str], after: str) -> None:
    """Let a task rise by one priority each time that it has waited so long; `off`: never."""
    after_ms = None if after == "off" else int(values.duration_s(after, "ageing") * 1000)
    if after_ms is not None and not LEAST_AGEING_MS <= after_ms <= MOST_AGEING_MS:
        raise UsageError(f"ageing {after}: write a time of at least 1s, or off")
    now = "does not age" if after_ms is None else f"lets a task rise each {after}"
    words = (now, f"{now} already")
    _change(settings, screen, names, lambda queues, name: queues.age(name, after_ms), words)


async def check_queues(namespace: "Namespace", names: Sequence[str]) -> None:
    """Raise SelectorError where one of the names is no queue's: then nothing is done to any."""
    known = await queue_names(namespace)
    for name in names:
        if name not in known:
            raise unknown_queue(name, known)


def _change(
    settings: Settings, screen: Screen, names: Sequence[str], change: Change, words: tuple[str, str]
) -> None:
    for name in names:
        check_queue(name)

    async def go(namespace: "Namespace") -> dict[str, bool] | None:
        await check_queues(namespace, names)
        queues = QueueSettings(namespace)
        return {name: await change(queues, name) for name in dict.fromkeys(names)}

    changed = look(settings, go, None)
    if changed is None:
        raise SelectorError(f"no queue is named {names[0]}: {NOTHING_YET}")
    _tell(screen, changed, words=words)


def _tell(screen: Screen, changed: dict[str, bool], *, words: tuple[str, str]) -> None:
    if screen.json:
        told = [{"queue": name, "is_changed": is_new} for name, is_new in changed.items()]
        screen.print_json({"schema": 1, "queues": told})
        return
    for name, is_new in changed.items():
        screen.put(f"queue {name} {words[0] if is_new else words[1]}")
