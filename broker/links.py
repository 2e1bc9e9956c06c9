"""What binds one task to others, and to a time: parents, children, keys."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from . import decoding, keys
from .decoding import texts
from .keys import TaskId
from .namespace import Namespace
from .reading import Records
from .record import Record
from .replies import kept

_MOST: Final = 1_000
"""Of a task with more children so many are told."""
_FIELDS: Final = ("unique", "key", "key_limit", "due_ms", "queue_timeout_ms")


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Another task."""

    id: TaskId
    condition: str
    """How the parent must end for the child to run: ok, any or fail."""
    state: str = ""
    """Empty where it is not in Redis."""
    name: str = ""


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """What binds one task."""

    parents: tuple[Link, ...] = ()
    children: tuple[Link, ...] = ()
    """Those that wait for it: it has told them once it has ended."""
    unique: str = ""
    """At most one live task has this key; empty: none."""
    concurrency_key: str = ""
    concurrency_limit: int | None = None
    due_at: float | None = None
    """Not before; Unix s on the clock of Redis."""
    queue_timeout_s: float | None = None
    """Expires when it waits for longer."""


async def links(ns: Namespace, task_id: TaskId) -> Links:
    """Return what binds a task that is in Redis."""
    pipe = ns.redis.pipeline(transaction=False)
    pipe.hmget(keys.task(ns.prefix, task_id), _FIELDS)
    pipe.hget(keys.extra(ns.prefix, task_id), "parents")
    pipe.srandmember(keys.children(ns.prefix, task_id), _MOST)
    told, parents, children = await pipe.execute(raise_on_error=False)
    values: Sequence[Any] = kept(told, [None] * len(_FIELDS))
    fields = {name.encode(): value for name, value in zip(_FIELDS, values, strict=True) if value}
    found = parse(fields, {b"parents": kept(parents, b"") or b""})
    waiting = tuple(sorted(map(_link, texts(kept(children, []))), key=lambda link: link.id))
    return await _described(ns, msgspec.structs.replace(found, children=waiting))


def parse(task: Mapping[bytes, bytes], extra: Mapping[bytes, bytes]) -> Links:
    """Return what the fields of a task's two hashes say, without states and names of others."""
    fields = decoding.fields(task)
    edges = decoding.text(extra.get(b"parents", b"")).split()
    key = fields.get("key", "")
    due_ms = decoding.whole(task.get(b"due_ms"))
    timeout_ms = decoding.whole(task.get(b"queue_timeout_ms"))
    return Links(
        parents=tuple(map(_link, edges)),
        unique=fields.get("unique", ""),
        concurrency_key=key,
        concurrency_limit=(decoding.whole(task.get(b"key_limit")) or 1) if key else None,
        due_at=due_ms / 1000 if due_ms else None,
        queue_timeout_s=timeout_ms / 1000 if timeout_ms else None,
    )


def _link(edge: str) -> Link:
    condition, _, task_id = edge.partition(":")
    return Link(id=TaskId(task_id), condition=condition)


async def _described(ns: Namespace, found: Links) -> Links:
    ids = [link.id for link in (*found.parents, *found.children)]
    if not ids:
        return found
    records = {record.id: record for record in await Records(ns).fetch(ids)}
    return msgspec.structs.replace(
        found,
        parents=tuple(_with_state(link, records) for link in found.parents),
        children=tuple(_with_state(link, records) for link in found.children),
    )


def _with_state(link: Link, records: Mapping[TaskId, Record]) -> Link:
    if (record := records.get(link.id)) is None:
        return link
    return msgspec.structs.replace(link, state=record.state, name=record.name)
