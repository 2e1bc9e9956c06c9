"""Reads from Redis what collect.lua only measured: logs, scalars, large arguments and results.

Each stream is read in pages, a few streams at a time: no reply is large and none holds Redis up.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from .. import keys
from ..decoding import text
from ..failures import translate
from ..namespace import Namespace
from ..purging import Collected
from .copies import StoredEntry, TaskCopy, pairs

LOG_BYTES: Final = 4 * 1024 * 1024
"""Most of one attempt's log; Redis usually keeps 1 MiB."""
SCALARS_BYTES: Final = 16 * 1024 * 1024
VALUE_BYTES: Final = 64 * 1024 * 1024
"""Most of the arguments or of the result."""

_PAGE: Final = 64
"""Entries of a stream in one reply: at most 1 MiB of a log."""
_OF_REDIS: Final = (b"archived_ms", b"overdue")
"""Fields of a record that say how far it is on its way out of Redis: of no use to a reader."""
_GROUP: Final = 32


async def gather(
    ns: Namespace, tasks: Sequence[Collected]
) -> AsyncIterator[tuple[Collected, TaskCopy]]:
    """Yield each task with its copy, in their order."""
    for start in range(0, len(tasks), _GROUP):
        group = tasks[start : start + _GROUP]
        for task, logs in zip(group, await _first_pages(ns, group), strict=True):
            yield task, await _copy(ns, task, logs)


async def _first_pages(ns: Namespace, tasks: Sequence[Collected]) -> list[dict[str, Any]]:
    """Return the first page of each stream of each task, by key: most have but one."""
    pipe = ns.redis.pipeline(transaction=False)
    names = [_streams(ns, task) for task in tasks]
    wanted = [key for keys_of_one in names for key in keys_of_one]
    if not wanted:
        return [{} for _ in tasks]
    for key in wanted:
        pipe.xrange(key, "-", "+", count=_PAGE)
    pages = dict(zip(wanted, await pipe.execute(raise_on_error=False), strict=True))
    return [{key: pages[key] for key in keys_of_one} for keys_of_one in names]


def _streams(ns: Namespace, task: Collected) -> list[str]:
    p, task_id = ns.prefix, task.task_id
    scalars = [keys.scalars(p, task_id)] if task.scalars else []
    return [*scalars, *(keys.log(p, task_id, fence) for fence in task.fences)]


async def _copy(ns: Namespace, task: Collected, pages: dict[str, Any]) -> TaskCopy:
    p, task_id = ns.prefix, task.task_id
    cut = [text(name) for name in task.cut]
    logs: dict[int, list[StoredEntry]] = {}
    for fence in task.fences:
        key = keys.log(p, task_id, fence)
        logs[fence] = await _rest(ns, key, pages[key], LOG_BYTES, cut)
    scalars: list[StoredEntry] = []
    if task.scalars:
        key = keys.scalars(p, task_id)
        scalars = await _rest(ns, key, pages[key], SCALARS_BYTES, cut)
    arguments, result = keys.arguments(p, task_id), keys.result(p, task_id)
    return TaskCopy(
        id=task_id,
        task={k: v for k, v in pairs(task.task).items() if k not in _OF_REDIS},
        extra=pairs(task.extra),
        history=task.history,
        need=task.need,
        envelope=task.envelope or await _value(ns, arguments, task.envelope_bytes, cut),
        result=task.result or await _value(ns, result, task.result_bytes, cut),
        logs=logs,
        scalars=scalars,
        cut=cut,
    )


async def _rest(
    ns: Namespace, key: str, page: Any, most_bytes: int, cut: list[str]
) -> list[StoredEntry]:
    """Return all entries of a stream of which one page was read; adds to `cut` if not all."""
    entries: list[StoredEntry] = []
    length = 0
    while True:
        if isinstance(page, RedisError):
            if not (isinstance(page, ResponseError) and "WRONGTYPE" in str(page)):
                raise translate(page, "redis") or page
            cut.append(key)
            return entries
        for entry_id, fields in page:
            length += sum(len(name) + len(value) for name, value in fields.items())
            if length > most_bytes:
                cut.append(key)
                return entries
            entries.append((entry_id, fields))
        if len(page) < _PAGE:
            return entries
        page = await ns.redis.xrange(key, f"({text(page[-1][0])}", "+", count=_PAGE)


async def _value(ns: Namespace, key: str, length: int, cut: list[str]) -> bytes:
    """Return a STRING that was too large to come with the record."""
    if length <= 0:
        return b""
    if length > VALUE_BYTES:
        cut.append(key)
    value: Any = await ns.redis.getrange(key, 0, VALUE_BYTES - 1)
    return bytes(value)
