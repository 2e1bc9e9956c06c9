"""What tasks returned."""

from typing import Final

from . import keys
from .decoding import whole
from .errors import TaskError, TaskNotFound, WrongState
from .keys import TaskId
from .leases import MAX_RESULT_BYTES
from .namespace import Namespace
from .replies import kept
from .states import FINAL

_FIELDS: Final = ("result_dropped", "result_until_ms")


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
        p, pipe = self._ns.prefix, self._ns.redis.pipeline(transaction=False)
        pipe.hget(keys.task(p, task_id), "state")
        pipe.hmget(keys.extra(p, task_id), _FIELDS)
        pipe.get(keys.result(p, task_id))
        replies = await pipe.execute(raise_on_error=False)
        nothing: tuple[bytes | None, bytes | None] = (None, None)
        state: bytes | None = kept(replies[0], None)
        dropped, until = kept(replies[1], nothing)
        result: bytes | None = kept(replies[2], None)
        if state is None:
            raise TaskNotFound(task_id)
        stated = state.decode("utf-8", "backslashreplace")
        if stated not in FINAL:
            raise WrongState(task_id, stated, f"is {stated}: it has no result yet; wait for it")
        if result is None:
            raise TaskError(task_id, _why(whole(dropped), whole(until)))
        return result


def _why(dropped_bytes: int | None, until_ms: int | None) -> str:
    """Return why there is no result of a task that ended."""
    if dropped_bytes is not None:
        return (
            f"its result of {dropped_bytes} bytes was not kept: most are {MAX_RESULT_BYTES};"
            " write large results to a file"
        )
    if until_ms is not None:
        return "its result is not kept any more; give it a longer --result-ttl"
    return "it has no result"
