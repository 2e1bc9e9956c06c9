"""Does one thing with several tasks, named or all of a filter, and says what became of each."""

from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..broker.answers import Answer
from ..broker.bulk import STEP, Progress, apply, matching
from ..broker.errors import UsageError
from ..broker.states import TaskState
from ..broker.verbs import Verb
from . import exits, loop
from .config import Settings
from .confirming import is_wanted
from .connected import connected
from .filter_options import FilterOptions, filters_of
from .reading import resolve, url_of_tasks
from .render.answers import answer_json, answer_words, count_lines
from .render.screen import Screen
from .reporting import say_error

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.listing import Filters
    from ..broker.namespace import Namespace

Made = Callable[["Namespace"], Verb]


def act(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    options: FilterOptions,
    *,
    what: str,
    make: Made,
    states: Collection[TaskState] = (),
) -> int:
    """Do it with the tasks that were named, or with all that the options accept.

    Args:
        settings: of the command.
        screen: to print on.
        selectors: of tasks; all are looked up before anything is done.
        options: which tasks, where none is named.
        what: is done, as a verb.
        make: what does it.
        states: it makes sense for, where the options name none; empty: all.

    Returns:
        An exit code: 1 where a task that was named is not as it should be now.
    """
    check_selection(selectors, options)
    if not selectors:
        return act_on_all(settings, screen, options, what=what, make=make, states=states)
    url = url_of_tasks(settings)

    async def go() -> list[Answer]:
        async with connected(url, settings.namespace) as namespace:
            ids = await resolve(namespace, selectors)
            return await _each(make(namespace), ids)

    answers = loop.run(go)
    _show(screen, answers)
    return exits.FAILED if any(answer.is_refusal for answer in answers) else exits.OK


def check_selection(selectors: Sequence[str], options: FilterOptions) -> None:
    """Raise UsageError unless tasks are either named or described."""
    if selectors and (options.are_given or options.dry_run):
        raise UsageError("name tasks or say which by options, not both")
    if not selectors and not options.are_given:
        raise UsageError("name tasks, or say which: --state, --queue, --user, --label or --name")


def act_on_all(
    settings: Settings,
    screen: Screen,
    options: FilterOptions,
    *,
    what: str,
    make: Made,
    states: Collection[TaskState],
) -> int:
    """Do it with all tasks that the options accept, after asking; return an exit code."""
    filters, url = filters_of(options, states), url_of_tasks(settings)

    async def count() -> "list[TaskId]":
        async with connected(url, settings.namespace) as namespace:
            make(namespace)  # what can't be is refused before anybody is asked
            return await matching(namespace, filters)

    found = len(loop.run(count))
    if options.dry_run or not found:
        _show_count(screen, found, what)
        return exits.OK
    if not is_wanted(screen, f"{what} {found} tasks ({options.words})", is_sure=options.yes):
        return exits.FAILED
    steps: list[Progress] = []
    is_finished = False
    try:
        loop.run(lambda: _apply(url, settings, screen, what, make, filters, steps.append))
        is_finished = True
    finally:
        if not is_finished:
            done = steps[-1].done if steps else 0
            screen.say(f"stopped after {done} of {found} tasks; the same command does the rest")
    _show_counts(screen, steps[-1] if steps else None)
    return exits.OK


async def _apply(
    url: str,
    settings: Settings,
    screen: Screen,
    what: str,
    make: Made,
    filters: "Filters",
    keep: Callable[[Progress], None],
) -> None:
    async with connected(url, settings.namespace) as namespace:
        with screen.progress(what) as report:
            async with aclosing(apply(namespace, make(namespace), filters)) as steps:
                async for progress in steps:
                    keep(progress)
                    report(f"{what}: {progress.done} of {progress.total} tasks")


async def _each(verb: Verb, ids: "Sequence[TaskId]") -> list[Answer]:
    parts = [ids[start : start + STEP] for start in range(0, len(ids), STEP)]
    return [answer for part in parts for answer in await verb(part)]


def _show(screen: Screen, answers: Sequence[Answer]) -> None:
    if screen.json:
        screen.print_json({"schema": 1, "tasks": [answer_json(answer) for answer in answers]})
    for answer in answers:
        if answer.is_refusal:
            say_error(f"task {answer.id}: {answer.problem}")
        elif not screen.json:
            screen.put(f"{answer.id} {answer_words(answer)}")


def _show_counts(screen: Screen, progress: Progress | None) -> None:
    done, counts = (progress.done, progress.counts) if progress else (0, {})
    if screen.json:
        screen.print_json({"schema": 1, "handled": done, "counts": counts})
        return
    for line in count_lines(counts):
        screen.put(line)


def _show_count(screen: Screen, found: int, what: str) -> None:
    if screen.json:
        screen.print_json({"schema": 1, "matching": found})
        return
    screen.put(str(found))
    screen.say(f"{'task' if found == 1 else 'tasks'} to {what}")
