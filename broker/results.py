"""What tasks returned, and how they ended."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from . import keys
from .decoding import text, whole
from .errors import TaskError, TaskNotFound, WrongState
from .keys import TaskId
from .leases import MAX_RESULT_BYTES
from .namespace import Namespace
from .replies import kept
from .states import FINAL

BATCH: Final = 200
"""Tasks in one round trip, at most."""
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of results in one answer; the rest is asked for again."""

NONE: Final = "it has no result"
"""Why there is no result where it was not lost: the task told none."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the end of one task."""

    task_id: TaskId
    state: str
    """As stored; a final one, unless the task has not ended yet."""
    exit_code: int | None
    reason: str
    result: bytes | None
    """What it returned; JSON of functions."""
    problem: str
    """Why it has no result; empty where it has one."""

    @property
    def is_final(self) -> bool:
        """Return whether the task has ended."""
        return self.state in FINAL


SHOWN_BYTES: Final = 4096
"""Of a result that is shown among other things."""


async def beginning(ns: Namespace, task_id: TaskId) -> tuple[str, int]:
    """Return the beginning of what a task returned, and how many bytes there are in all."""
    key, pipe = keys.result(ns.prefix, task_id), ns.redis.pipeline(transaction=False)
    pipe.strlen(key)
    pipe.getrange(key, 0, SHOWN_BYTES - 1)
    size_bytes, text = await pipe.execute(raise_on_error=False)
    return shown(kept(text, b"")), kept(size_bytes, 0)


def shown(result: bytes) -> str:
    """Return the beginning of a result as text. Pure."""
    return result[:SHOWN_BYTES].decode(
        "utf-8", "ignore" if len(result) >= SHOWN_BYTES else "replace"
    )


class Results:
    """Reads results of tasks that ended."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def read(self, task_id: TaskId) -> bytes:
        """Return what a task returned.

        Raises:
            TaskNotFound: there is no such task.
            WrongState: it has not ended yet.
            TaskError: it returned nothing, too much to be kept, or it is not kept any more.
        """
        [end] = await self.read_many([task_id])
        if end is None:
            raise TaskNotFound(task_id)
        if not end.is_final:
            raise WrongState(
                task_id, end.state, f"is {end.state}: it has no result yet; wait for it"
            )
        if end.result is None:
            raise TaskError(task_id, end.problem)
        return end.result

    async def read_many(self, ids: Sequence[TaskId]) -> list[End | None]:
        """Return the ends of any number of tasks, in their order; None where there is no task."""
        ends: list[End | None] = []
        while len(ends) < len(ids):
            batch = ids[len(ends) : len(ends) + BATCH]
            told = await self._ns.scripts.results([_MOST_BYTES, *batch])
            ends += [_end(task_id, each) for task_id, each in zip(batch, told, strict=False)]
        return ends


def _end(task_id: TaskId, told: Sequence[Any]) -> End | None:
    """Return what results.lua told of a task."""
    if not told:
        return None
    if len(told) == 1:
        return End(
            task_id=task_id,
            state=text(told[0]),
            exit_code=None,
            reason="",
            result=None,
            problem=NONE,
        )
    state, exit_code, reason, dropped, until, result = told
    return End(
        task_id=task_id,
        state=text(state),
        exit_code=whole(exit_code),
        reason=text(reason),
        result=result,
        problem=_why(whole(dropped), whole(until)) if result is None else "",
    )


def _why(dropped_bytes: int | None, until_ms: int | None) -> str:
    """Return why there is no result of a task that ended."""
    if dropped_bytes is not None:
        return (
            f"its result of {dropped_bytes} bytes was not kept: most are {MAX_RESULT_BYTES};"
            " write large results to a file"
        )
    if until_ms is not None:
        return "its result is not kept any more; give it a longer --result-ttl"
    return NONE
