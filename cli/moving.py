"""Moves tasks, and says where each of them stands now."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from ..broker.errors import UsageError
from ..broker.lookups import Lookups
from ..broker.moves import MOST_STEPS, Moved, Moves
from ..broker.names import check_queue
from ..broker.states import BEFORE_RUNNING, TaskState
from ..broker.verbs import moving, prioritizing
from . import exits, loop, values
from .acting import Deed, Made, act_on_all, check_selection
from .config import Settings
from .connected import connected
from .filter_options import WhereOptions
from .reading import resolve, url_of_tasks
from .render.screen import Screen
from .silence import silence_of

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.namespace import Namespace

_Move = Callable[["TaskId"], Awaitable[Moved]]


def move_tasks(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    which: WhereOptions,
    ways: Mapping[str, str],
) -> int:
    """Move what was named, so that several tasks keep the order in which they were named.

    Args:
        settings: of the command.
        screen: to print on.
        selectors: of tasks. All are looked up before any is moved.
        which: all of these, where none is named: to another queue or priority.
        ways: each option and its value; all but one are empty.

    Returns:
        An exit code.
    """
    way, value = _only(ways)
    check_selection(selectors, which)
    if not selectors:
        return act_on_all(settings, screen, which, _deed(way, value))
    url = url_of_tasks(settings)

    async def go() -> "tuple[dict[TaskId, Moved], str]":
        async with connected(url, settings.namespace) as namespace:
            ids = await resolve(namespace, selectors)
            move = await _move(namespace, way, value)
            moved = {each: await move(each) for each in _in_turn(ids, way, value)}
            warning = await silence_of(namespace, value) if way == "queue" else ""
            return await _now(namespace, {each: moved[each] for each in ids}), warning

    done, warning = loop.run(go)
    if warning:
        screen.warn(warning)
    if screen.json:
        moved = [
            {"id": i, "is_changed": m.is_changed, "position": m.position} for i, m in done.items()
        ]
        screen.print_json({"schema": 1, "tasks": moved})
        return exits.OK
    for task_id, each in done.items():
        screen.put(f"{task_id} {_words(each, way, value)}")
    return exits.OK


def _deed(way: str, value: str) -> Deed:
    """Return what is done with all tasks of a filter."""
    if way == "queue":
        make: Made = partial(moving, queue=value)
    elif way == "priority":
        make = partial(prioritizing, priority=int(value))
    else:
        raise UsageError(
            f"--{way} is for tasks that are named; all of a filter go by --queue or -p"
        )
    states = BEFORE_RUNNING | {TaskState.DRAFT}
    return Deed(what=f"move to {way} {value}", make=make, states=states)


def _only(ways: Mapping[str, str]) -> tuple[str, str]:
    given = [(way, value) for way, value in ways.items() if value]
    if len(given) == 1:
        way, value = given[0]
        if way == "by" and not re.fullmatch(r"[+-]?[0-9]{1,9}", value, re.ASCII):
            raise UsageError(
                f"--by {value}: write a whole number of places from -{MOST_STEPS} to {MOST_STEPS}"
            )
        if way == "by" and not 0 < abs(int(value)) <= MOST_STEPS:
            raise UsageError(f"--by {value}: from 1 to {MOST_STEPS} places, or as many ahead")
        if way == "queue":
            check_queue(value)
        return way, str(values.priority(value)) if way == "priority" else value
    options = ", ".join(f"--{way}" for way in ways)
    if not given:
        raise UsageError(f"say where to: one of {options}")
    twice = " and ".join(f"--{way}" for way, _ in given)
    raise UsageError(f"{twice} are two moves; use one of {options}")


def _in_turn(ids: "Sequence[TaskId]", way: str, value: str) -> "Sequence[TaskId]":
    """Return the tasks in the order in which they must be moved to keep their order."""
    goes_back = way == "by" and not value.startswith("-")
    return ids[::-1] if way in ("top", "after") or goes_back else ids


async def _move(namespace: "Namespace", way: str, value: str) -> _Move:
    moves = Moves(namespace)
    if way in ("before", "after"):
        [other] = await resolve(namespace, [value])
        next_to = moves.before if way == "before" else moves.after
        return lambda task_id: next_to(task_id, other)
    known: dict[str, _Move] = {
        "top": moves.to_top,
        "bottom": moves.to_bottom,
        "by": lambda task_id: moves.by(task_id, int(value)),
        "queue": lambda task_id: moves.to_queue(task_id, value),
        "priority": lambda task_id: moves.set_priority(task_id, int(value)),
    }
    return known[way]


async def _now(namespace: "Namespace", moved: "dict[TaskId, Moved]") -> "dict[TaskId, Moved]":
    """Return where the tasks stand after all were moved: one may have passed another."""
    if len(moved) > 1:
        for record in await Lookups(namespace).records(list(moved)):
            position = record.position or moved[record.id].position
            moved[record.id] = msgspec.structs.replace(moved[record.id], position=position)
    return moved


def _words(moved: Moved, way: str, value: str) -> str:
    what = {"queue": f"queue {value}", "priority": f"priority {value}"}.get(way, "")
    place = "" if moved.position is None else f"position {moved.position}"
    now = ", ".join(part for part in (what, place) if part)
    return f"{'is now at' if moved.is_changed else 'stays at'} {now}"
