"""Everything about one task: gathered for `show`."""

from typing import TYPE_CHECKING

from ..broker.asked import read as read_asked
from ..broker.errors import NothingSelected, TaskNotFound
from ..broker.links import parse as parse_links
from ..broker.results import shown
from ..broker.task_details import TaskDetails, details_json, gather
from .config import Settings
from .reading import look_at_tasks, resolve
from .render.detail_text import lines_of, next_steps
from .render.footer import footer
from .render.groups import fitted
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def show_task(settings: Settings, screen: Screen, selector: str) -> None:
    """Print one task."""
    details = look_at_tasks(settings, lambda ns: details_of(ns, settings, screen, selector))
    if screen.json:
        screen.print_json(details_json(details))
        return
    for line in fitted(lines_of(details)):
        screen.put(line)
    if details.is_archived:
        screen.say("this task has left Redis: shown from the archive")
    footer(screen, next_steps(details))


async def details_of(
    namespace: "Namespace", settings: Settings, screen: Screen, selector: str
) -> TaskDetails:
    """Return all about a task, in Redis or in the archive.

    Raises:
        SelectorError: it names none, or several.
    """
    try:
        return await _gather(namespace, selector)
    except (NothingSelected, TaskNotFound) as e:
        absent = e
    if (found := await _gather_archived(settings, screen, selector)) is None:
        raise absent
    return found


async def _gather(namespace: "Namespace", selector: str) -> TaskDetails:
    [task_id] = await resolve(namespace, [selector])
    return await gather(namespace, task_id)


async def _gather_archived(settings: Settings, screen: Screen, selector: str) -> TaskDetails | None:
    from .archived import archived_definition, find_archived  # only where it is needed

    task = await find_archived(settings, selector, warn=screen.warn)
    if task is None:
        return None
    record = task.record
    return TaskDetails(
        record=record,
        history=task.history,
        definition=await archived_definition(settings, record.definition),
        asked=read_asked(task.copy.envelope, record, settings.namespace),
        links=parse_links(task.copy.task, task.copy.extra),
        result=shown(task.copy.result),
        result_bytes=len(task.copy.result),
        is_archived=True,
    )
