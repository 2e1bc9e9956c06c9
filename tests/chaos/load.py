"""A steady load on workers, and what they make of it after the server was away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio

from rq_agent.broker import keys
from rq_agent.broker.connection import connect
from rq_agent.broker.events import Event, Events
from rq_agent.broker.namespace import Namespace

from .crew import Crew
from .ledger import Ledger
from .submitter import Submitter

_PAUSE_S: Final = 0.1
_LOOK_EVERY_S: Final = 0.05
_RESUME_S: Final = 60.0
_SETTLE_S: Final = 120.0


@asynccontextmanager
async def opened(url: str, name: str) -> AsyncIterator[Namespace]:
    """Yield a namespace on a server."""
    async with connect(url) as redis:
        yield await Namespace.open(redis, name)


@asynccontextmanager
async def fed(
    ns: Namespace, ledger: Ledger, *, rate: int = 50, by: str = "submitter", **options: Any
) -> AsyncIterator[None]:
    """Add tasks as long as the body runs, however often redis goes away.

    Args:
        ns: where.
        ledger: of the test.
        rate: tasks a second, a multiple of 10.
        by: the name of the submitter; each has its own file of the ledger.
        options: of Submitter.enqueue.
    """
    submitter, is_over = Submitter(ns, ledger, name=by), anyio.Event()

    async def feed() -> None:
        while not is_over.is_set():
            await submitter.enqueue(round(rate * _PAUSE_S), **options)
            with anyio.move_on_after(_PAUSE_S):
                await is_over.wait()

    async with anyio.create_task_group() as tg:
        tg.start_soon(feed)
        yield
        is_over.set()  # what is on its way is acked before the end


async def resumed(ledger: Ledger, crew: Crew, since_s: float) -> list[float]:
    """Wait until each worker has begun a task since then; return after how many seconds."""
    with anyio.fail_after(_RESUME_S):
        while True:
            first: dict[int, float] = {}
            for line in ledger.lines("start"):
                if line.at > since_s:
                    first.setdefault(line.pid, line.at - since_s)
            if {member.pid for member in crew.members} <= first.keys():
                return [first[member.pid] for member in crew.members]
            await anyio.sleep(_LOOK_EVERY_S)


async def quiet(ns: Namespace) -> None:
    """Wait until all tasks that redis knows have ended."""
    with anyio.fail_after(_SETTLE_S):
        while True:
            pipe = ns.redis.pipeline()
            pipe.zcard(keys.ids(ns.prefix))
            pipe.zcard(keys.done(ns.prefix))
            known, ended = await pipe.execute()
            if known == ended:
                return
            await anyio.sleep(_LOOK_EVERY_S)


async def events_of(ns: Namespace, name: str) -> list[Event]:
    """Return all events of a name that the stream still has."""
    found: list[Event] = []
    after = "0-0"
    while some := await Events(ns).read(after, count=5_000):
        after = some[-1].id
        found += [event for event in some if event.event == name]
    return found
