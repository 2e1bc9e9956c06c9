"""The output of an attempt as text: what the task itself said, on stdout and stderr."""

from collections.abc import Iterable
from typing import Any, Final

from ..broker import keys
from ..broker.keys import TaskId
from ..broker.logs import Logs
from ..broker.namespace import Namespace

_OURS: Final = "sys"
"""The stream of what rq-agent says of a task."""
_TAIL_CHUNKS: Final = 20


async def whole(ns: Namespace, task_id: TaskId, fence: int) -> str:
    """Return what is kept of the output of an attempt; empty where it has none."""
    logs, after, parts = Logs(ns), "0", []
    while fence:
        entries, after = await logs.read(task_id, fence, after)
        if not entries:
            break
        parts += [entry.data for entry in entries if entry.stream != _OURS]
    return _text(parts)


async def tail(ns: Namespace, task_id: TaskId, fence: int, *, lines: int) -> str:
    """Return the last lines of the output of an attempt; of what we said where it said nothing."""
    if not fence:
        return ""
    key = keys.log(ns.prefix, task_id, fence)
    newest: Any = await ns.redis.xrevrange(key, count=_TAIL_CHUNKS)
    entries = [fields for _, fields in reversed(newest)]
    own = [each for each in entries if each.get(b"s") != _OURS.encode()] or entries
    text = _text(each.get(b"d", b"") for each in own)
    return "\n".join(text.splitlines()[-lines:])


def _text(parts: Iterable[bytes]) -> str:
    return b"".join(parts).decode("utf-8", "replace")
