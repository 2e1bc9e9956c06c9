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
"""Tasks in one round trip: their results may be large."""
_TASK: Final = ("state", "exit_code")
_EXTRA: Final = ("reason", "result_dropped", "result_until_ms")
_COMMANDS: Final = 3

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
        for start in range(0, len(ids), BATCH):
            ends += await self._read_batch(ids[start : start + BATCH])
        return ends

    async def _read_batch(self, ids: Sequence[TaskId]) -> list[End | None]:
        p, pipe = self._ns.prefix, self._ns.redis.pipeline(transaction=False)
        for task_id in ids:
            pipe.hmget(keys.task(p, task_id), _TASK)
            pipe.hmget(keys.extra(p, task_id), _EXTRA)
            pipe.get(keys.result(p, task_id))
        replies = await pipe.execute(raise_on_error=False)
        return [
            _end(task_id, *replies[n * _COMMANDS : (n + 1) * _COMMANDS])
            for n, task_id in enumerate(ids)
        ]


def _end(task_id: TaskId, task: Any, extra: Any, result: Any) -> End | None:
    nothing: tuple[None, ...] = (None, None, None)
    state, exit_code = kept(task, nothing[:2])
    if state is None:
        return None
    reason, dropped, until = kept(extra, nothing)
    content: bytes | None = kept(result, None)
    return End(
        task_id=task_id,
        state=text(state),
        exit_code=whole(exit_code),
        reason=text(reason or b""),
        result=content,
        problem=_why(whole(dropped), whole(until)) if content is None else "",
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
