"""How long looks take among many tasks: pages of filtered lists, and why a task waits."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from rq_agent.broker.beats import Beat
from rq_agent.broker.claims import Claim, Finish, Outcome
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.listing import Filters
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import parse
from rq_agent.broker.states import FINAL, TaskState
from rq_agent.broker.tasks import NewTask, Tasks

from .batch import ARGUMENT, BATCH, stored_definition
from .figure import Effort, Figure, Say, p50_p99
from .stage import QUEUE, Stage, stage

_LEASE_MS: Final = 600_000
_FAST: Final = "fast"
"""The queue of those that ran: the newest tenth of all tasks."""
_RUNNING: Final = 1_000
_WORKERS: Final = 50
_CHUNK: Final = 20_000
_ENVELOPE: Final = ARGUMENT.encode()
_RARE: Final = 10_000
"""One task in so many is that of a rare user."""

_NEEDS: Final = tuple(Need(cpus=n) for n in range(8))

_QUEUED: Final = (TaskState.QUEUED,)
_NOT_RUNNING: Final = tuple(set(TaskState) - {TaskState.RUNNING})
_PAGES: Final[Mapping[str, Filters]] = {
    "all": Filters(),
    "queue": Filters(queue=QUEUE),
    "user": Filters(user="user-3"),
    "rare-user": Filters(user="rare"),
    "label": Filters(label="team=blue"),
    "any-label": Filters(label="sweep"),
    "queued": Filters(states=_QUEUED),
    "rare-queued": Filters(states=_QUEUED, user="rare"),
    "running": Filters(states=(TaskState.RUNNING,)),
    "failed": Filters(states=(TaskState.FAILED,)),
    "final": Filters(states=tuple(FINAL)),
    "not-running": Filters(states=_NOT_RUNNING),
    "all-filters": Filters(
        states=_QUEUED, queue=QUEUE, user="user-3", name="eval", label="team=blue"
    ),
    "nothing-in-common": Filters(user="rare", name="ran"),
}


class _Sample(msgspec.Struct, frozen=True):
    """One look."""

    client_ms: float
    server_ms: float
    """CPU of all commands that it sent: other programs of the machine don't count."""


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return ms of each look, for who asks and for the server."""
    size = effort.backlogs[-1]
    async with stage("no AOF") as where:
        say(f"lookups: adding {size} tasks")
        await _populate(where, size)
        lookups, figures = Lookups(where.namespace), []
        middle = await _nth(where, size // 2)
        for name, filters in _PAGES.items():
            say(f"lookups: page {name}")
            samples = [await _page(where, lookups, filters, None) for _ in range(effort.calls)]
            figures += _figures(f"page.{name}", f"page of tasks: {name}", size, samples)
        samples = [await _page(where, lookups, Filters(), middle) for _ in range(effort.calls)]
        figures += _figures("page.middle", "page of tasks: from the middle on", size, samples)
        for name, task_id in (("first", await _nth(where, 0)), ("middle", middle)):
            samples = [await _why(where, lookups, task_id) for _ in range(effort.calls)]
            figures += _figures(f"why.{name}", f"why: the {name} task", size, samples)
    return [*figures, *_slowest(figures)]


async def _populate(where: Stage, size: int) -> None:
    """Add tasks that wait; then a tenth as many that ran, some that run, and workers."""
    digest, upload = stored_definition()
    waiting = size - size // 10
    await Tasks(where.namespace).enqueue([_waiting(where, digest, 0)], {digest: upload})
    await _add(where, range(1, waiting), lambda n: _waiting(where, digest, n))
    await _add(where, range(waiting, size), lambda n: _new(where, digest, queue=_FAST, name="ran"))
    leases = Leases(where.namespace)
    left = size - waiting
    while left > min(_RUNNING, size // 20):
        claims = await _claim(leases, "bench")
        left -= len(claims)
        await leases.finish([Finish(claim=c, outcome=_outcome(n)) for n, c in enumerate(claims)])
    for n in range(_WORKERS):
        await _work(leases, f"worker-{n}", await _claim(leases, f"worker-{n}", left // _WORKERS))


def _outcome(n: int) -> Outcome:
    return Outcome.FAILED if n % 10 == 0 else Outcome.SUCCEEDED


async def _add(where: Stage, numbers: range, made: Callable[[int], NewTask]) -> None:
    tasks = Tasks(where.namespace)
    for first in range(0, len(numbers), _CHUNK):
        part = numbers[first : first + _CHUNK]
        batches = ([made(n) for n in part[at : at + BATCH]] for at in range(0, len(part), BATCH))
        await tasks.enqueue_batches(batches, {})


def _waiting(where: Stage, digest: str, n: int) -> NewTask:
    return _new(where, digest, **dict(_fields(n)))


def _new(where: Stage, digest: str, **fields: Any) -> NewTask:
    """Return a task that nobody runs, so that nothing need be signed."""
    return NewTask(id=where.ids.new(), definition=digest, envelope=_ENVELOPE, **fields)


def _fields(n: int) -> Iterator[tuple[str, Any]]:
    yield "user", "rare" if n % _RARE == 0 else f"user-{n % 10}"
    yield "name", "eval" if n % 100 < 20 else "train"
    yield "queue", QUEUE if n % 8 else f"queue-{n % 100}"
    yield "need", _NEEDS[n % 8]
    yield "labels", {"team": "blue" if n % 2 else "red"} | ({"sweep": "x"} if n % 500 == 0 else {})


async def _claim(leases: Leases, worker: str, limit: int = BATCH) -> Sequence[Claim]:
    claimed = await leases.claim(
        worker,
        _nonce(worker),
        limit=limit,
        order=parse("priority", [_FAST]),
        shapes=[shape_id(Need())],
        lease_ms=_LEASE_MS,
        park=False,
    )
    return claimed.claims


def _nonce(worker: str) -> str:
    """Return a nonce that no other call has."""
    return f"{worker}-{time.perf_counter_ns()}"


async def _work(leases: Leases, name: str, claims: Sequence[Claim]) -> Beat:
    facts = {"queues": f'["{QUEUE}","{_FAST}"]', "slots": "50", "gpus": "[]", "state": "busy"}
    return await leases.beat(name, claims, ttl_ms=_LEASE_MS, facts=facts)


async def _nth(where: Stage, rank: int) -> TaskId:
    found: Any = await where.namespace.redis.zrange(f"{where.namespace.prefix}ids", rank, rank)
    return TaskId(found[0].decode())


async def _page(where: Stage, lookups: Lookups, filters: Filters, before: TaskId | None) -> _Sample:
    busy_ms, started_s = await _busy_ms(where), time.perf_counter()
    await lookups.list(filters, before=before)
    took_ms = (time.perf_counter() - started_s) * 1000
    return _Sample(took_ms, await _busy_ms(where) - busy_ms)


async def _why(where: Stage, lookups: Lookups, task_id: TaskId) -> _Sample:
    busy_ms, started_s = await _busy_ms(where), time.perf_counter()
    await lookups.why(task_id)
    took_ms = (time.perf_counter() - started_s) * 1000
    return _Sample(took_ms, await _busy_ms(where) - busy_ms)


async def _busy_ms(where: Stage) -> float:
    told: Any = await where.namespace.redis.info("cpu")
    cpu_s = told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"]
    return float(cpu_s) * 1000


def _figures(name: str, title: str, size: int, samples: Sequence[_Sample]) -> list[Figure]:
    made = []
    kinds = {"server": "the server (CPU)", "client": "who asks"}
    for kind, whose in kinds.items():
        values = tuple(getattr(sample, f"{kind}_ms") for sample in samples[1:])  # script sent
        _, p99 = p50_p99(values)
        made.append(
            Figure(
                id=f"lookups.{name}.{kind}",
                title=f"{title}, of {whose}; {size:,} tasks",
                unit="ms",
                values=values,
                note=f"p99 {p99:.2f} ms",
            )
        )
    return made


def _slowest(figures: Sequence[Figure]) -> Iterator[Figure]:
    for what in ("page", "why"):
        for kind in ("server", "client"):
            of_kind = [f for f in figures if f.id.startswith(f"lookups.{what}.") and kind in f.id]
            slowest = max(of_kind, key=lambda figure: figure.median)
            yield msgspec.structs.replace(
                slowest, id=f"lookups.{what}.{kind}", title=f"slowest {what}: {slowest.title}"
            )
