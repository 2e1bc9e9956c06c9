"""Schedules: listed, paused, resumed, removed, run at once."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ..broker import cron_times
from ..broker.errors import SelectorError
from ..broker.firing import Firing
from ..broker.new_task import EnqueueOutcome
from ..broker.schedules import Schedules
from ..broker.trust import TrustFile
from . import exits
from .config import Settings, variables
from .identity import own_key
from .local_zone import local_zone
from .reading import look
from .render.footer import footer
from .render.schedules import (
    COLUMNS,
    IN_WORDS,
    fire_lines,
    lines_of,
    row,
    schedule_json,
    wide_row,
)
from .render.screen import Screen
from .render.tables import print_table

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.new_task import Enqueued
    from ..broker.schedule import Schedule

_NONE_YET = "no schedules yet; add one with:  rq-agent schedule add NAME '0 3 * * *' script.py"


def explain(screen: Screen, line: str, zone: str, *, count: int) -> None:
    """Print a line of cron in words, and the next times at which it fires.

    Raises:
        UsageError: the line or the zone is not acceptable, or it never fires.
    """
    zone = zone or local_zone(variables())
    line = " ".join(line.split())
    cron_times.check(line, zone)
    fires_ms = cron_times.next_fires(line, zone, time.time_ns() // 1_000_000, count)
    if screen.json:
        screen.print_json(
            {
                "schema": 1,
                "expression": line,
                "zone": zone,
                "in_words": cron_times.explain(line),
                "next": [fire_ms / 1000 for fire_ms in fires_ms],
            }
        )
        return
    for each in fire_lines(line, zone, fires_ms):
        screen.put(each)


def show_all(settings: Settings, screen: Screen, *, is_wide: bool = False) -> None:
    """Print all schedules."""

    async def find(namespace: "Namespace") -> "list[Schedule]":
        return await Schedules(namespace).list()

    nothing: list[Schedule] = []
    found = look(settings, find, nothing)
    if screen.json:
        screen.print_json({"schema": 1, "schedules": [schedule_json(each) for each in found]})
    elif found:
        columns, as_row = ((*COLUMNS, IN_WORDS), wide_row) if is_wide else (COLUMNS, row)
        print_table(screen, columns, [as_row(schedule) for schedule in found])
    else:
        screen.say(_NONE_YET)


def show_one(settings: Settings, screen: Screen, name: str) -> None:
    """Print one schedule.

    Raises:
        SelectorError: there is none of that name.
    """

    async def find(namespace: "Namespace") -> "Schedule | None":
        return await Schedules(namespace).show(name)

    found = look(settings, find, None)
    if found is None:
        raise _none(name)
    if screen.json:
        screen.print_json({"schema": 1, **schedule_json(found)})
        return
    for line in lines_of(found):
        screen.put(line)


def pause(settings: Settings, screen: Screen, names: Sequence[str], *, reason: str) -> None:
    """Pause schedules.

    Raises:
        SelectorError: one of them is not there; nothing was changed.
    """

    async def step(schedules: Schedules, name: str) -> str:
        return "paused" if await schedules.pause(name, reason=reason) else "was paused before"

    _each(settings, screen, names, step)


def resume(settings: Settings, screen: Screen, names: Sequence[str]) -> None:
    """Resume schedules.

    Raises:
        SelectorError: one of them is not there; nothing was changed.
    """

    async def step(schedules: Schedules, name: str) -> str:
        return "resumed" if await schedules.resume(name) else "was not paused"

    _each(settings, screen, names, step)


def remove(settings: Settings, screen: Screen, names: Sequence[str]) -> None:
    """Remove schedules.

    Raises:
        SelectorError: one of them is not there; nothing was changed.
    """

    async def step(schedules: Schedules, name: str) -> str:
        await schedules.remove(name)
        return "removed"

    _each(settings, screen, names, step)


def run_now(settings: Settings, screen: Screen, name: str) -> int:
    """Enqueue one task of a schedule; print its id.

    Raises:
        SelectorError: there is none of that name.
        TrustError: this machine does not trust who signed it.
    """
    pair = own_key(settings.home)
    trust = TrustFile(settings.home.config / "trust.json")

    async def step(namespace: "Namespace") -> "Enqueued | None":
        return await Firing(namespace, pair, trust).run_now(name)

    enqueued = look(settings, step, None)
    if enqueued is None:
        raise _none(name)
    if enqueued.outcome in (EnqueueOutcome.QUEUED, EnqueueOutcome.DELAYED):
        if screen.json:
            screen.print_json({"schema": 1, "schedule": name, "task": enqueued.id})
        else:
            screen.put(enqueued.id)
        footer(screen, [f"logs -f {enqueued.id}", f"cancel {enqueued.id}"])
        return exits.OK
    words = f"task {enqueued.other} has its uniqueness key" if enqueued.other else enqueued.outcome
    screen.say(f"schedule {name}: nothing was enqueued: {words}")
    return exits.FAILED


def _each(
    settings: Settings,
    screen: Screen,
    names: Sequence[str],
    step: Callable[[Schedules, str], Awaitable[str]],
) -> None:
    async def go(namespace: "Namespace") -> dict[str, str]:
        schedules = Schedules(namespace)
        for name in names:
            await schedules.show(name)  # a slip in one name changes nothing
        return {name: await step(schedules, name) for name in dict.fromkeys(names)}

    told = look(settings, go, None)
    if told is None:
        raise _none(names[0])
    if screen.json:
        screen.print_json({"schema": 1, "schedules": told})
        return
    for name, words in told.items():
        screen.put(f"{name} {words}")


def _none(name: str) -> SelectorError:
    return SelectorError(f"no schedule is named {name}: {_NONE_YET}")
