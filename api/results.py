"""What a function returned, as its annotation says. The table of types: worker/host/calling.py."""

import typing
from collections.abc import Callable
from typing import Any

import msgspec

from ..broker.results import NONE, End
from ..broker.states import TaskState
from ..sdk.task import Task
from ..worker.host.converting import as_it_is, converter
from ..worker.host.mismatch import Mismatch
from .ends import NoResult

Convert = Callable[[Any], Any]


def of_task(task: Task[..., Any, Any]) -> Convert:
    """Return what makes of JSON what the function is annotated to return; of none: JSON as it is."""
    try:
        hints = typing.get_type_hints(task.__wrapped__, include_extras=True)
    except Exception:  # noqa: BLE001  names that only type checkers see, and any code of the user
        return as_it_is
    return converter(hints["return"]) if "return" in hints else as_it_is


def decode(end: End, convert: Convert) -> Any:
    """Return the result of a task that succeeded.

    Raises:
        NoResult: it is not there, or not what the function is annotated to return.
    """
    assert end.state == TaskState.SUCCEEDED
    if end.result is None:
        if end.problem != NONE:
            raise NoResult(end.task_id, end.problem)
        return None
    try:
        return convert(msgspec.json.decode(end.result))
    except (ValueError, Mismatch, RecursionError) as e:
        raise NoResult(end.task_id, f"its result is not what was annotated: {e}") from e
