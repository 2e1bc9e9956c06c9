"""Schedules: tasks that come again and again, at the times of a line of cron."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from . import blobs, client_errors, cron_times, keys, schedule
from .cron_times import Missed
from .decoding import text
from .errors import BrokerRefused, SelectorError, UsageError
from .failures import translate
from .keys import NAME_PATTERN
from .namespace import Namespace
from .new_task import DefinitionUpload
from .schedule import Schedule
from .scripts import Argument

__all__ = ["Missed", "NewSchedule", "Schedule", "Schedules", "check_name"]

MOST: Final = 10_000
"""Most schedules that one look returns."""
_REASON: Final = 1_000


class NewSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule to add."""

    name: str
    expression: str
    """A line of cron."""
    zone: str
    """Name of a time zone."""
    missed: Missed
    template: bytes
    """See template.py."""
    settings: bytes
    """See schedule.settings_of."""
    definition: str
    """Digest."""
    user: str = ""


class Schedules:
    """What people do with schedules. See firing.py for what a scheduler does."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def add(
        self, new: NewSchedule, upload: DefinitionUpload, *, replaces: bool = False
    ) -> Schedule:
        """Add a schedule and return it. Its definition stays as long as it.

        Args:
            new: the schedule.
            upload: its definition; its blobs were uploaded before.
            replaces: put it in the place of one of that name, if there is one.

        Raises:
            UsageError: name, line or zone is not acceptable, the line never fires, or the name is
                taken; nothing was added.
            BrokerRefused: Redis lost a blob of the definition.
        """
        check_name(new.name)
        cron_times.check(new.expression, new.zone)
        next_ms = await self._next_ms(new.name, new.expression, new.zone)
        mode = "replace" if replaces else "new"
        arguments: list[Argument] = [new.name, next_ms, mode, blobs.TTL_S * 1000]
        arguments += [new.definition, upload.encoded, len(upload.blobs), *upload.blobs]
        arguments += ["expression", new.expression, "zone", new.zone, "missed", new.missed.value]
        arguments += ["template", new.template, "task", new.settings, "user", new.user]
        outcome = await self._ns.scripts.schedule_add(arguments)
        if outcome == b"exists":
            raise UsageError(
                f"schedule {new.name} exists; choose another name, or replace it with --replace"
            )
        if outcome not in (b"added", b"replaced"):
            raise BrokerRefused(
                f"schedule {new.name}: redis lost its code ({text(outcome)}): "
                "does it evict keys (maxmemory-policy)?"
            )
        return await self.show(new.name)

    async def remove(self, name: str) -> None:
        """Forget a schedule; tasks that it added stay.

        Raises:
            SelectorError: there is none of that name.
        """
        if not await self._ns.scripts.schedule_remove([name, blobs.TTL_S * 1000]):
            raise await self._unknown(name)

    async def pause(self, name: str, *, reason: str = "", revision: str = "") -> bool:
        """Let a schedule fire no more until it is resumed. Return False if it was paused.

        Args:
            name: of the schedule.
            reason: told to people.
            revision: only this one, False also if it is another by now; empty: any.

        Raises:
            SelectorError: there is none of that name.
        """
        outcome = await self._ns.scripts.schedule_pause([name, reason[:_REASON], revision])
        if not outcome:
            raise await self._unknown(name)
        return bool(outcome == b"paused")

    async def resume(self, name: str) -> bool:
        """Let a paused schedule fire again, from its next time on. Return False if it did.

        Raises:
            SelectorError: there is none of that name.
            UsageError: its line or zone can't be read.
        """
        found = await self.show(name)
        next_ms = await self._next_ms(name, found.expression, found.zone)
        outcome = await self._ns.scripts.schedule_resume([name, next_ms])
        if not outcome:
            raise await self._unknown(name)
        return bool(outcome == b"resumed")

    async def list(self) -> list[Schedule]:
        """Return all schedules, sorted by name."""
        p = self._ns.prefix
        stored: Any = await self._ns.redis.zrange(keys.schedules(p), 0, MOST - 1, withscores=True)
        times = {text(name): score for name, score in stored}
        names = sorted(times)
        records = await read_records(self._ns, names, schedule.FIELDS)
        return [
            shown(name, record, times[name]) for name, record in zip(names, records, strict=True)
        ]

    async def show(self, name: str) -> Schedule:
        """Return one schedule.

        Raises:
            SelectorError: there is none of that name.
        """
        next_ms: Any = await self._ns.redis.zscore(keys.schedules(self._ns.prefix), name)
        [record] = await read_records(self._ns, [name], schedule.FIELDS)
        if next_ms is None and not isinstance(record, str) and not any(record):
            raise await self._unknown(name)
        return shown(name, record, float("inf") if next_ms is None else next_ms)

    async def _next_ms(self, name: str, expression: str, zone: str) -> int:
        seconds, micros = await self._ns.redis.time()
        next_ms = cron_times.next_fire(expression, zone, seconds * 1000 + micros // 1000)
        if next_ms is None:
            raise UsageError(f"schedule {name}: its line {expression!r} never fires again")
        return next_ms

    async def _unknown(self, name: str) -> SelectorError:
        known = [found.name for found in await self.list()]
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "see rq-agent schedule ls"
        return SelectorError(f"no schedule is named {name[:64]}; {hint}")


def check_name(name: str) -> None:
    """Raise UsageError unless a schedule may have this name."""
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(
            f"schedule {name[:64]!r} is not a name; use up to 63 letters, digits, '_', '-', '.'"
        )


async def read_records(
    ns: Namespace, names: Sequence[str], fields: Sequence[str]
) -> list[list[bytes | None] | str]:
    """Return the fields of each schedule's record, or what is wrong with its key."""
    pipe = ns.redis.pipeline(transaction=False)
    for name in names:
        pipe.hmget(keys.schedule(ns.prefix, name), fields)
    return [_record(reply) for reply in await pipe.execute(raise_on_error=False)]


def shown(name: str, record: Sequence[bytes | None] | str, next_ms: float) -> Schedule:
    """Return a schedule of what `read_records` found."""
    if isinstance(record, str):
        return schedule.malformed(name, record, next_ms)
    return schedule.parse(name, record, next_ms)


def _record(reply: Any) -> list[bytes | None] | str:
    if isinstance(reply, Exception):
        if isinstance(reply, client_errors.ResponseError) and "WRONGTYPE" in str(reply):
            return str(reply)
        if isinstance(reply, client_errors.RedisError):
            raise translate(reply, "redis") or reply
    found: list[bytes | None] = reply
    return found
