"""The network between workers and Redis fails in every way: none is stuck, nothing is lost."""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import anyio
import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace

from ..servers import Servers
from . import figures
from .crew import Crew
from .ledger import Ledger
from .proxied import Faults, Way
from .proxy import Proxy
from .sizes import IS_LONG, long_only, pick
from .submitter import Submitter
from .verdict import judge, settled

SIZE = 4
RESUMES_S = 15.0
BUSY = {"slots": 2, "lease_ms": 30_000}
IDLE = {"slots": 1, "lease_ms": 60_000, "beat_ms": 5_000}
"""As workers are by default: what is slow to notice is slow here."""

LONGER_THAN_A_BEAT_S = 6.0

Outage = Callable[[Proxy, float], Coroutine[Any, Any, None]]
"""Lets the network fail for so many seconds; it is whole again afterwards."""


async def fault(proxy: Proxy, lasts_s: float, faults: Faults) -> None:
    proxy.inject(faults)
    await anyio.sleep(lasts_s)
    proxy.heal()


async def resets(proxy: Proxy, lasts_s: float) -> None:
    until_s = time.monotonic() + lasts_s
    while time.monotonic() < until_s:
        proxy.reset()
        await anyio.sleep(0.1)


async def refusal(proxy: Proxy, lasts_s: float) -> None:
    proxy.refuse()
    proxy.reset()
    await anyio.sleep(lasts_s)
    proxy.heal()


async def half_open(proxy: Proxy, lasts_s: float) -> None:
    proxy.half_open()
    await anyio.sleep(lasts_s)


def network(**faults: object) -> Outage:
    return partial(fault, faults=Faults(**faults))  # type: ignore[arg-type]


OUTAGES: dict[str, Outage] = {
    "reset": resets,
    "refused": refusal,
    "black hole up": network(lost=frozenset({Way.UP})),
    "black hole down": network(lost=frozenset({Way.DOWN})),
    "held back": network(held=frozenset({Way.UP, Way.DOWN})),
    "half-open": half_open,
    "1 byte/s": network(bytes_per_s=1.0),
}
SHORT = ("reset",)
"""The others wait for the time in which an answer must come, which is not scaled: ten seconds."""


@pytest.fixture
def proxy(servers: Servers) -> Iterator[Proxy]:
    with Proxy(servers.socket("valkey")) as proxy:
        yield proxy


@pytest.fixture
async def ns(servers: Servers) -> AsyncIterator[Namespace]:
    """A namespace, beside the proxy."""
    async with connect(urls.of_socket(servers.socket("valkey"))) as redis:
        yield await Namespace.open(redis, f"n{secrets.token_hex(4)}")


class Load:
    """Tasks that come all the time: many beside the proxy, a few through it."""

    def __init__(self, ns: Namespace, proxy: Proxy, ledger: Ledger) -> None:
        self._ns = ns
        self._proxy = proxy
        self._ledger = ledger
        self._is_over = False

    async def run(self) -> None:
        """Enqueue until stop() is called."""
        async with connect(self._proxy.url) as redis, anyio.create_task_group() as tg:
            await self._feed(self._ns, "beside", 10)
            through = await Namespace.open(redis, self._ns.name)
            tg.start_soon(self._feed_on, self._ns, "beside", 10)
            tg.start_soon(self._feed_on, through, "through", 2)

    def stop(self) -> None:
        """Enqueue no more."""
        self._is_over = True

    async def _feed_on(self, ns: Namespace, name: str, count: int) -> None:
        submitter = Submitter(ns, self._ledger, name=name)
        while not self._is_over:
            await submitter.enqueue(count, queue="default", name="60ms")
            await anyio.sleep(0.15)

    async def _feed(self, ns: Namespace, name: str, count: int) -> None:
        await Submitter(ns, self._ledger, name=f"{name}-first").enqueue(count, name="60ms")


async def all_resumed(crew: Crew, ledger: Ledger, *, since_s: float, within_s: float) -> float:
    """Wait until every worker was answered an end since then; return when the last one was."""
    names = {member.light.name for member in crew.members}
    first: dict[str, float] = {}
    with anyio.move_on_after(within_s):
        while set(first) != names:
            await anyio.sleep(0.05)
            for line in reversed(ledger.lines("told")):
                if line.at > since_s:
                    first[line.worker] = line.at
    assert set(first) == names, f"stuck: {names - set(first)}"
    return max(first.values())


@pytest.mark.parametrize("name", OUTAGES if IS_LONG else SHORT)
@pytest.mark.timeout(180)
async def test_busy_workers_go_on_after_an_outage(
    ns: Namespace, proxy: Proxy, ledger: Ledger, name: str
) -> None:
    load = Load(ns, proxy, ledger)
    with Crew(proxy.url, ns.name, ledger, size=SIZE, **BUSY) as crew:
        await crew.ready()
        async with anyio.create_task_group() as tg:
            tg.start_soon(load.run)
            await all_resumed(crew, ledger, since_s=0, within_s=RESUMES_S)
            await OUTAGES[name](proxy, pick(short=0.5, long=3.0))
            ended_s = time.monotonic()
            resumed_s = await all_resumed(crew, ledger, since_s=ended_s, within_s=60)
            load.stop()
        await settled(ns, len(ledger.acked()), deadline_s=60)
    verdict = await judge(ns, ledger)

    verdict.must_be_clean()
    assert verdict.fenced == verdict.gone == 0
    assert resumed_s - ended_s <= RESUMES_S
    figures.note(
        f"network, busy: {name}",
        resumes_s=resumed_s - ended_s,
        tasks=verdict.acked,
        lost=len(verdict.lost),
        double_accepted=len(verdict.double_accepted),
        runs_twice=verdict.duplicate_runs,
    )


@long_only  # what parks waits for beats as far apart as they are by default
@pytest.mark.parametrize("name", OUTAGES)
@pytest.mark.timeout(180)
async def test_a_parked_worker_is_woken_after_an_outage(
    ns: Namespace, proxy: Proxy, ledger: Ledger, name: str
) -> None:
    with Crew(proxy.url, ns.name, ledger, size=SIZE, **IDLE) as crew:
        await crew.ready()
        submitter = Submitter(ns, ledger)
        await submitter.enqueue(SIZE, name="500ms")
        await all_resumed(crew, ledger, since_s=0, within_s=30)
        async with anyio.create_task_group() as tg:
            tg.start_soon(OUTAGES[name], proxy, LONGER_THAN_A_BEAT_S)
            await submitter.enqueue(SIZE, name="500ms")  # their wake-ups are lost, or late
        ended_s = time.monotonic()
        await submitter.enqueue(SIZE, name="500ms")
        await settled(ns, 3 * SIZE, deadline_s=60)
        resumed_s = max(line.at for line in ledger.lines("start"))
    verdict = await judge(ns, ledger)

    verdict.must_be_clean()
    assert resumed_s - ended_s <= RESUMES_S
    figures.note(f"network, parked: {name}", resumes_s=resumed_s - ended_s, lost=0)


@pytest.mark.timeout(120)
async def test_work_goes_on_over_a_slow_network(
    ns: Namespace, proxy: Proxy, ledger: Ledger
) -> None:
    """200 ms each way. A task takes some round trips, so it is slower, but nobody gives up."""
    tasks = pick(short=8, long=100)
    with Crew(proxy.url, ns.name, ledger, size=SIZE, **BUSY) as crew:
        await crew.ready()
        proxy.inject(Faults(delay_s=0.2))
        began_s = time.monotonic()
        await Submitter(ns, ledger).enqueue(tasks, name="50ms")
        await settled(ns, tasks, deadline_s=60)
        took_s = time.monotonic() - began_s
    verdict = await judge(ns, ledger)

    verdict.must_be_clean()
    assert verdict.duplicate_runs == verdict.fenced == 0
    figures.note("network: 200 ms each way", tasks=tasks, tasks_s=tasks / took_s, lost=0)
