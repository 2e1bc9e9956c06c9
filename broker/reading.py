"""Fetches records: one pipeline for any number of ids, one call for their places in queues."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Final

import msgspec

from . import client_errors, keys
from .decoding import text, texts
from .failures import translate
from .keys import TaskId
from .namespace import Namespace
from .needs import Need
from .record import Record, malformed, parse
from .states import TaskState

_LOCATED: Final = 200
"""Tasks whose places are asked for in one call."""
_SCORE: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


class Records:
    """Reads tasks as people see them."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns
        self._needs: dict[str, Need] = {}

    async def fetch(self, ids: Sequence[TaskId]) -> list[Record]:
        """Return the records of the ids that exist, in their order, without `position`."""
        p = self._ns.prefix
        pipe = self._ns.redis.pipeline(transaction=False)
        for task_id in ids:
            pipe.hgetall(keys.task(p, task_id))
            pipe.hgetall(keys.extra(p, task_id))
        replies = await pipe.execute(raise_on_error=False)
        await self._learn_shapes(replies[0::2])
        found = zip(ids, replies[0::2], replies[1::2], strict=True)
        return [r for i, task, extra in found if (r := self._record(i, task, extra)) is not None]

    async def locate(self, records: Sequence[Record]) -> list[Record]:
        """Return the same records, with `position` where they are queued."""
        queued = [r for r in records if r.state == TaskState.QUEUED and _SCORE.fullmatch(r.order)]
        if not queued:
            return list(records)
        calls = [queued[n : n + _LOCATED] for n in range(0, len(queued), _LOCATED)]
        found = await self._ns.scripts.positions.many(
            [[part for r in call for part in (r.queue, r.order)] for call in calls]
        )
        places = dict(zip((r.id for r in queued), chain(*found), strict=True))
        return [msgspec.structs.replace(r, position=places.get(r.id)) for r in records]

    def _record(self, task_id: TaskId, task: Any, extra: Any) -> Record | None:
        for reply in (task, extra):
            if not isinstance(reply, Exception):
                continue  # the client's errors, which cost an import, are not looked at
            if isinstance(reply, client_errors.ResponseError) and "WRONGTYPE" in str(reply):
                return malformed(task_id, str(reply))
            if isinstance(reply, client_errors.RedisError):
                raise translate(reply, "redis") or reply
        return parse(task_id, task, extra, self._needs) if task else None

    async def _learn_shapes(self, tasks: Sequence[Any]) -> None:
        """Read the needs of shapes not seen before; a shape never changes."""
        named = {text(t[b"shape"]) for t in tasks if isinstance(t, Mapping) and b"shape" in t}
        if not (new := [shape for shape in named if shape not in self._needs]):
            return
        needs = await self._ns.redis.hmget(keys.shapes(self._ns.prefix), new)
        for shape, need in zip(new, needs, strict=True):
            if need is None:
                continue
            with suppress(msgspec.DecodeError):  # reads as "needs nothing": shown, never obeyed
                self._needs[shape] = msgspec.json.decode(need, type=Need)


async def shapes_of(ns: Namespace, queues: Sequence[str]) -> dict[str, list[str]]:
    """Return, for each queue, the shapes that its tasks ever had."""
    pipe = ns.redis.pipeline(transaction=False)
    for queue in queues:
        pipe.smembers(keys.queue_shapes(ns.prefix, queue))
    return dict(zip(queues, map(texts, await pipe.execute()), strict=True))
