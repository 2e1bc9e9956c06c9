"""Workers as people see them, and the inbox through which a worker is told things."""

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from . import decoding, keys, streams
from .decoding import text
from .keys import TaskId
from .namespace import Namespace
from .worker_hosts import Host, hosts_of
from .worker_load import MachineLoad, load_of

if TYPE_CHECKING:
    from .lane import Lane

MAX_WORKERS: Final = 10_000
"""Most workers that one look returns."""
RESTING: Final = ("draining", "paused", "off-hours", "disk-full")
"""States of a worker that claims nothing."""
_INBOX_BATCH: Final = 256
_NEVER_MS: Final = 2**53
"""No worker of ours lives so long."""

Message = dict[str, str]

KEYRING: Final = "keyring"
"""A message that there may be a new keyring: the worker looks for itself."""


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """One live worker: the facts of its last beat. What it did not tell is empty or None."""

    name: str
    host: str
    pid: int | None
    state: str
    """idle, busy, draining, paused, off-hours or disk-full."""
    queues: tuple[str, ...]
    mode: str
    slots: int | None
    """Tasks without a GPU at once, beside light ones."""
    gpus: tuple[str, ...]
    """Indices or UUIDs that it hands out."""
    cpus: float | None
    """None: not limited."""
    mem_mib: float | None
    """None: not limited."""
    running: tuple[TaskId, ...]
    """The oldest first."""
    version: str
    started_at: float | None
    """Unix seconds on the clock of Redis."""
    expires_at: float
    """When it counts as gone unless it beats again; Unix seconds on the clock of Redis."""
    beat_age_s: float | None
    facts: dict[str, str]
    """All that it told, as stored; see worker/facts.py."""
    labels: dict[str, str] = {}
    hours: str = ""
    """When it takes tasks, as a person wrote it; empty: always."""
    until: float | None = None
    """When its hours end, or begin again; Unix seconds on its own clock."""
    load: MachineLoad = MachineLoad()
    services: int = 0
    """Light tasks at once; 0: it runs none."""
    hosts: tuple[Host, ...] = ()
    """The processes that run its light tasks."""

    @property
    def places(self) -> int | None:
        """How many tasks without a GPU run at once; None: not told.

        Light ones have places of their own, or share those of the others.
        """
        if self.slots is None or self.slots == self.services:
            return self.slots
        return self.slots + self.services


class Workers:
    """Lists workers."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def live(self) -> list[WorkerView]:
        """Return the workers whose time has not run out, sorted by name."""
        now_ms = await self._now_ms()
        return await self._between(f"({now_ms}", _NEVER_MS, now_ms)

    async def gone(self) -> list[WorkerView]:
        """Return those that fell silent and are not forgotten yet, sorted by name."""
        now_ms = await self._now_ms()
        return await self._between(0, now_ms, now_ms)

    async def _now_ms(self) -> int:
        now_s, now_us = await self._ns.redis.time()
        return int(now_s) * 1000 + int(now_us) // 1000

    async def _between(self, least: int | str, most: int, now_ms: int) -> list[WorkerView]:
        p, redis = self._ns.prefix, self._ns.redis
        known: Any = await redis.zrangebyscore(
            keys.workers(p), least, most, 0, MAX_WORKERS, withscores=True
        )
        pipe = redis.pipeline(transaction=False)
        for name, _ in known:
            pipe.hgetall(keys.worker(p, text(name)))
            pipe.smembers(keys.held(p, text(name)))
        told = await pipe.execute()
        views = [
            view(text(name), facts, held, expires_ms=int(expires_ms), now_ms=now_ms)
            for (name, expires_ms), facts, held in zip(known, told[::2], told[1::2], strict=True)
        ]
        return sorted(views, key=lambda v: v.name)

    async def listening(self, queue: str) -> list[WorkerView]:
        """Return the live workers that take tasks from a queue."""
        return [worker for worker in await self.live() if queue in worker.queues]

    async def leave(self, name: str) -> None:
        """Forget a worker that ended and holds no task: it is not listed and not woken again."""
        await self._ns.scripts.leave([name])


class Inbox:
    """What others tell one worker. Read by last id, so that a cancelled read loses nothing.

    Args:
        ns: a namespace on a connection of its own whose timeout is above any `block_ms`.
        worker: the worker's name.
        lane: of that connection, to hear sooner; None: the client reads.
    """

    def __init__(self, ns: Namespace, worker: str, *, lane: "Lane | None" = None) -> None:
        self._redis = ns.redis
        self._lane = lane
        self._reader: Any = lane or ns.redis
        self._key = keys.inbox(ns.prefix, worker)
        self._last = streams.START

    async def start(self) -> None:
        """Skip what is there: it was for an earlier session of that name.

        Call it before the first claim, which may park the worker and so invite messages.
        """
        self._last = await streams.last_id(self._redis, self._key)

    async def realign(self) -> None:
        """Go back to the newest message where Redis has none so late: it came back older."""
        newest = await streams.last_id(self._redis, self._key)
        if streams.place(newest) < streams.place(self._last):
            self._last = newest

    async def next(self, block_ms: int) -> list[Message]:
        """Return the messages that came since the last call, oldest first.

        Args:
            block_ms: wait so long for the first one; 0: don't wait.
        """
        entries = await streams.read(
            self._reader, self._key, self._last, count=_INBOX_BATCH, block_ms=block_ms
        )
        if entries:
            self._last = entries[-1][0].decode()
        return [decoding.fields(fields) for _, fields in entries]

    def give_up(self) -> None:
        """Have the next read connect anew. Cancel next() before; the client has done it then."""
        if self._lane is not None:
            self._lane.drop()


def view(
    name: str,
    raw: Mapping[bytes, bytes],
    held: Collection[bytes],
    *,
    expires_ms: int,
    now_ms: int,
) -> WorkerView:
    """Return a worker's view of its hash and its running tasks, whatever they hold."""
    facts = decoding.fields(raw)
    beat_ms = _number(facts.get("beat_ms", ""))
    started_ms = _number(facts.get("started_ms", ""))
    until_ms = _number(facts.get("until_ms", ""))
    return WorkerView(
        name=name,
        host=facts.get("host", ""),
        pid=_whole(facts.get("pid", "")),
        state=_state(facts.get("state", ""), is_busy=bool(held)),
        queues=_names(facts.get("queues", "")),
        mode=facts.get("mode", ""),
        slots=_whole(facts.get("slots", "")),
        gpus=_names(facts.get("gpus", "")),
        cpus=_number(facts.get("cpus", "")),
        mem_mib=_number(facts.get("mem_mib", "")),
        running=tuple(sorted(TaskId(text(i)) for i in held)),
        version=facts.get("version", ""),
        started_at=None if started_ms is None else started_ms / 1000,
        expires_at=expires_ms / 1000,
        beat_age_s=None if beat_ms is None else max(0.0, (now_ms - beat_ms) / 1000),
        facts=facts,
        labels=_map(facts.get("labels", "")),
        hours=facts.get("hours", ""),
        until=None if until_ms is None else until_ms / 1000,
        load=load_of(facts),
        services=_whole(facts.get("services", "")) or 0,
        hosts=hosts_of(facts),
    )


def _state(told: str, *, is_busy: bool) -> str:
    """Return its state: the last beat may be seconds old, what it holds is not."""
    if told in RESTING:
        return told
    return "busy" if is_busy else "idle"


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: str) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _names(value: str) -> tuple[str, ...]:
    """Return the strings of a JSON list, none if it is something else."""
    try:
        return msgspec.json.decode(value, type=tuple[str, ...])
    except msgspec.DecodeError:
        return ()


def _map(value: str) -> dict[str, str]:
    """Return the strings of a JSON map, none if it is something else."""
    try:
        return msgspec.json.decode(value, type=dict[str, str])
    except msgspec.DecodeError:
        return {}
