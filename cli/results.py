"""Shows what a function returned, also of a task that left Redis."""

from typing import TYPE_CHECKING

import msgspec

from ..broker.errors import NothingSelected, TaskError, TaskNotFound
from ..broker.keys import TaskId
from ..broker.lookups import Lookups
from ..broker.results import Results
from ..broker.states import FINAL, TaskState
from .reading import look_at_tasks, resolve

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from .config import Settings
    from .render.screen import Screen

_Found = tuple[TaskId, bytes]


def show_result(settings: "Settings", screen: "Screen", selector: str) -> None:
    """Print the JSON that a task returned.

    Raises:
        SelectorError: there is no such task.
        WrongState: it has not ended yet.
        TaskError: it returned nothing, or that is not kept.
    """

    async def find(namespace: "Namespace") -> _Found:
        return await _found(namespace, settings, screen, selector)

    task_id, text = look_at_tasks(settings, find)
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise TaskError(task_id, f"its result is no JSON: {e}") from e
    result = msgspec.Raw(text)
    screen.print_json({"schema": 1, "id": task_id, "result": result} if screen.json else result)


async def _found(
    namespace: "Namespace", settings: "Settings", screen: "Screen", selector: str
) -> _Found:
    try:
        [task_id] = await resolve(namespace, [selector])
        return task_id, await _result(namespace, task_id)
    except (NothingSelected, TaskNotFound) as e:
        absent = e
    from .archived import find_archived  # only where it is needed

    if (task := await find_archived(settings, selector, warn=screen.warn)) is None:
        raise absent
    if not task.copy.result:
        raise TaskError(task.record.id, f"{_ended(task.record.state)}: the archive has no result")
    return task.record.id, task.copy.result


async def _result(namespace: "Namespace", task_id: TaskId) -> bytes:
    record = await Lookups(namespace).record(task_id)
    if record.state in FINAL and record.state != TaskState.SUCCEEDED:
        why = f" ({record.reason})" if record.reason else ""
        raise TaskError(
            task_id,
            f"{_ended(record.state)}{why}, so it returned nothing; see rq-agent logs {task_id}",
        )
    return await Results(namespace).read(task_id)


def _ended(state: str) -> str:
    return f"it ended: {state.replace('_', ' ')}"
