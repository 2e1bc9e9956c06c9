"""What was lost with a Redis that came back with nothing: told by workers that remember."""

from typing import Any, Final

import msgspec

from . import keys
from .counting import count_tasks
from .decoding import whole
from .listing import Filters
from .namespace import Namespace
from .states import FINAL, TaskState

_STATES: Final = {
    "running": (TaskState.RUNNING,),
    "queued": (TaskState.QUEUED, TaskState.BLOCKED),
    "delayed": (TaskState.DELAYED,),
    "waiting": (TaskState.WAITING, TaskState.DRAFT),
    "results": tuple(sorted(FINAL)),
}
_FIELDS: Final = ("replaced_ms", "replaced_known_ms", "replaced", "recreated")


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """How many of each a namespace has."""

    running: int = 0
    queued: int = 0
    """Or blocked by a concurrency key."""
    delayed: int = 0
    waiting: int = 0
    """For other tasks; or drafts."""
    results: int = 0
    """Final records."""
    schedules: int = 0


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """A server that took the place of another one, which had this namespace."""

    at_ms: int
    """Unix ms on its clock: when it was noticed."""
    known_ms: int
    """Unix ms on the clock of a worker: when the holdings were counted."""
    before: Holdings
    recreated: int
    """Running tasks that their workers made anew."""


class Replacements:
    """Notes and tells what was lost."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def count(self) -> Holdings:
        """Return what there is now."""
        found = {
            field: await count_tasks(self._ns, Filters(states=states)) or 0
            for field, states in _STATES.items()
        }
        schedules = await self._ns.redis.zcard(keys.schedules(self._ns.prefix))
        return Holdings(schedules=int(schedules), **found)

    async def note(self, birth: str, before: Holdings, *, known_ms: int) -> bool:
        """Tell what the namespace of another birth had; return whether nobody knew better.

        Args:
            birth: that was replaced.
            before: what it had.
            known_ms: when that was counted; Unix ms.
        """
        what = msgspec.json.encode(before)
        return bool(await self._ns.scripts.replaced([birth, known_ms, what]))

    async def last(self) -> Replacement | None:
        """Return what is noted; None where nothing was ever lost."""
        stored: Any = await self._ns.redis.hmget(keys.globals_(self._ns.prefix), list(_FIELDS))
        at_ms, known_ms, what, recreated = stored
        if not at_ms or not what:
            return None
        try:
            before = msgspec.json.decode(what, type=Holdings)
        except msgspec.MsgspecError:  # somebody else wrote there
            return None
        return Replacement(
            at_ms=whole(at_ms) or 0,
            known_ms=whole(known_ms or b"") or 0,
            before=before,
            recreated=whole(recreated or b"") or 0,
        )
