"""What happened to one task, as its record keeps it."""

from typing import Any

import msgspec

from . import keys
from .decoding import text
from .keys import TaskId
from .namespace import Namespace


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened."""

    at: float
    """Unix seconds on the clock of Redis."""
    event: str
    detail: str


async def history(ns: Namespace, task_id: TaskId) -> list[Step]:
    """Return the last steps of a task, at most 64, oldest first; none for an unknown task."""
    lines: Any = await ns.redis.lrange(keys.history(ns.prefix, task_id), 0, -1)
    return [step for line in lines if (step := parse(line)) is not None]


def parse(line: bytes) -> Step | None:
    """Return the step that a line tells of; None if it tells of none."""
    ms, _, rest = text(line).partition(" ")
    if not (ms.isascii() and ms.isdigit() and len(ms) <= 16):
        return None
    event, _, detail = rest.partition(" ")
    return Step(at=int(ms) / 1000, event=event, detail=detail)
