"""The output of an attempt as text."""

from collections.abc import Iterable
from typing import Any, Final

from ..broker import keys
from ..broker.keys import TaskId
from ..broker.logs import Logs
from ..broker.namespace import Namespace

_TAIL_CHUNKS: Final = 20


async def whole(ns: Namespace, task_id: TaskId, fence: int) -> str:
    """Return what is kept of the output of an attempt; empty where it has none."""
    logs, after, parts = Logs(ns), "0", []
    while fence:
        entries, after = await logs.read(task_id, fence, after)
        if not entries:
            break
        parts.append(_text(entry.data for entry in entries))
    return "".join(parts)


async def tail(ns: Namespace, task_id: TaskId, fence: int, *, lines: int) -> str:
    """Return the last lines of the output of an attempt."""
    if not fence:
        return ""
    key = keys.log(ns.prefix, task_id, fence)
    newest: Any = await ns.redis.xrevrange(key, count=_TAIL_CHUNKS)
    text = _text(fields.get(b"d", b"") for _, fields in reversed(newest))
    return "\n".join(text.splitlines()[-lines:])


def _text(parts: Iterable[bytes]) -> str:
    return b"".join(parts).decode("utf-8", "replace")
