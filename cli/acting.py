"""Does one thing with several tasks, named or all of a filter, and says what became of each."""

from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from ..broker.answers import Answer
from ..broker.bulk import STEP, Progress, apply, matching
from ..broker.errors import UsageError
from ..broker.lookups import Lookups
from ..broker.states import TaskState
from ..broker.verbs import Verb
from . import exits, loop
from .config import Settings
from .confirming import is_wanted
from .connected import connected
from .filter_options import Picked, WhereOptions
from .near import hint
from .picking import filters_of, resumed
from .reading import resolve, url_of_tasks
from .render.answers import answer_json, answer_words, count_lines
from .render.footer import footer
from .render.preview import SHOWN, preview
from .render.screen import Screen
from .reporting import say_error

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.listing import Filters
    from ..broker.namespace import Namespace
    from ..broker.record import Record

Made = Callable[["Namespace"], Verb]


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done with tasks."""

    what: str
    """A verb, as people are told it."""
    make: Made
    """What does it."""
    states: Collection[TaskState] = ()
    """That it makes sense for, where the options name none; empty: all."""
    next_steps: Sequence[str] = ()
    """Commands that may be wanted for one task that it was done with; without its id."""
    is_repeatable: bool = True
    """Done to a task again it changes nothing."""


def act(
    settings: Settings, screen: Screen, selectors: Sequence[str], options: Picked, deed: Deed
) -> int:
    """Do it with the tasks that were named, or with all that the options accept.

    Args:
        settings: of the command.
        screen: to print on.
        selectors: of tasks; all are looked up before anything is done.
        options: which tasks, where none is named.
        deed: what.

    Returns:
        An exit code: 1 where a task that was named is not as it should be now.
    """
    check_selection(selectors, options)
    if not selectors:
        return act_on_all(settings, screen, options, deed)
    url = url_of_tasks(settings)

    async def go() -> list[Answer]:
        async with connected(url, settings.namespace) as namespace:
            ids = await resolve(namespace, selectors)
            return await _each(deed.make(namespace), ids)

    answers = loop.run(go)
    _show(screen, answers, deed)
    return exits.FAILED if any(answer.is_refusal for answer in answers) else exits.OK


def check_selection(selectors: Sequence[str], options: Picked) -> None:
    """Raise UsageError unless tasks are either named or described."""
    if selectors and (options.are_given or options.dry_run):
        raise UsageError("name tasks or say which by options, not both")
    if selectors and options.resume:
        raise UsageError("--resume goes on behind a task of a filter; all that is named is done")
    if not selectors and not options.are_given:
        ways = "--where" if isinstance(options, WhereOptions) else "--queue, --label, --name"
        raise UsageError(
            f"name tasks, or say which: --state, --failed, --mine, --user, --worker, --since, {ways}"
        )


def act_on_all(settings: Settings, screen: Screen, options: Picked, deed: Deed) -> int:
    """Do it with all tasks that the options accept, after asking; return an exit code."""
    filters, after = filters_of(options, deed.states), resumed(options)
    url = url_of_tasks(settings)

    async def look() -> "tuple[int, list[Record], str]":
        async with connected(url, settings.namespace) as namespace:
            deed.make(namespace)  # what can't be is refused before anybody is asked
            ids = await matching(namespace, filters, after=after)
            shown = await Lookups(namespace).records(ids[:SHOWN]) if options.dry_run else []
            return len(ids), shown, "" if ids else await hint(namespace, filters)

    found, records, nearest = loop.run(look)
    if options.dry_run or not found:
        if screen.json and not options.dry_run:
            _show_counts(screen, [])
        else:
            preview(screen, records, found, deed.what)
        if nearest:
            screen.say(f"hint: {nearest}")
        return exits.OK
    if not is_wanted(screen, f"{deed.what} {found} tasks ({options.words})", is_sure=options.yes):
        return exits.FAILED
    steps: list[Progress] = []
    is_finished = False
    try:
        loop.run(lambda: _apply(url, settings, screen, deed, filters, after, steps.append))
        is_finished = True
    finally:
        if not is_finished:
            _say_stopped(screen, steps, found, deed)
    _show_counts(screen, steps)
    return exits.OK


async def _apply(
    url: str,
    settings: Settings,
    screen: Screen,
    deed: Deed,
    filters: "Filters",
    after: "TaskId | None",
    keep: Callable[[Progress], None],
) -> None:
    async with connected(url, settings.namespace) as namespace:
        with screen.progress(deed.what) as report:
            verb = deed.make(namespace)
            async with aclosing(apply(namespace, verb, filters, after=after)) as steps:
                async for progress in steps:
                    keep(progress)
                    _put_new(screen, progress.answers)
                    report(f"{deed.what}: {progress.done} of {progress.total} tasks")


def _say_stopped(screen: Screen, steps: Sequence[Progress], found: int, deed: Deed) -> None:
    """Say how far it was, and how to go on."""
    done = steps[-1].done if steps else 0
    if deed.is_repeatable or not steps:
        how = "the same command does the rest"
    else:
        how = f"the same command with --resume {steps[-1].after} does the rest"
    screen.say(f"stopped after {done} of {found} tasks; {how}")


def _put_new(screen: Screen, answers: Sequence[Answer]) -> None:
    """Print the ids of tasks that are new, as they come."""
    if not screen.json:
        for answer in filter(_is_new, answers):
            screen.put(answer.detail)


def _is_new(answer: Answer) -> bool:
    """Return whether the answer names a task that was made."""
    return answer.outcome == "cloned"


async def _each(verb: Verb, ids: "Sequence[TaskId]") -> list[Answer]:
    parts = [ids[start : start + STEP] for start in range(0, len(ids), STEP)]
    return [answer for part in parts for answer in await verb(part)]


def _show(screen: Screen, answers: Sequence[Answer], deed: Deed) -> None:
    if screen.json:
        screen.print_json({"schema": 1, "tasks": [answer_json(answer) for answer in answers]})
    for answer in answers:
        if answer.is_refusal:
            say_error(f"task {answer.id}: {answer.problem}")
        elif not screen.json:
            screen.put(f"{answer.id} {answer_words(answer)}")
    if len(answers) == 1 and not answers[0].is_refusal:
        footer(screen, [f"{step} {answers[0].id}" for step in deed.next_steps])


def _show_counts(screen: Screen, steps: Sequence[Progress]) -> None:
    done, counts = (steps[-1].done, steps[-1].counts) if steps else (0, {})
    if screen.json:
        new = [{"id": a.detail, "source": a.id} for s in steps for a in s.answers if _is_new(a)]
        screen.print_json({"schema": 1, "handled": done, "counts": counts, "new": new})
        return
    tell = screen.say if "cloned" in counts else screen.put  # stdout has the new ids then
    for line in count_lines(counts):
        tell(line)
