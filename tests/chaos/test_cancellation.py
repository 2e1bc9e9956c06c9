"""Calls are cancelled wherever they wait: no reply reaches another call, nothing is lost."""

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio
import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.worker_connections import worker_connections

from ..scripts import steps
from ..servers import Servers
from . import figures
from .interrupted import Interrupted, Interrupter, Interruption
from .ledger import Ledger, Pen
from .light import Light, LightWorker
from .sizes import pick
from .submitter import Submitter
from .verdict import judge, settled

SEEDS = pick(short=1, long=100)
TASKS = 30
OPTIONS = {"slots": 3, "lease_ms": 1_000, "beat_ms": 50}


@pytest.fixture
def url(servers: Servers) -> str:
    return urls.of_socket(servers.socket("valkey"))


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that is interrupted rests before it goes on; that is not what is tested."""
    for name in ("intake._RETRY_S", "mailbox._RETRY_S", "finisher._RETRY_S", "heartbeat.RETRY_S"):
        monkeypatch.setattr(f"rq_agent.worker.{name}", 0.005)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Namespace]:
    async with connect(url) as redis:
        yield await Namespace.open(redis, f"x{secrets.token_hex(4)}")


class Storm:
    """One seed: workers in this process, whose commands are cancelled at random."""

    def __init__(self, url: str, ns: Namespace, ledger: Ledger, seed: int) -> None:
        self.url = url
        self.ns = ns
        self.ledger = ledger
        self.rng = random.Random(seed)
        self.interrupted = 0
        self.sessions = 0

    async def work(self, name: str, *, share: float, most_s: float = 60) -> None:
        """Work until cancelled, in sessions of a random length on the same connections."""
        pen = self.ledger.pen(name)
        light = Light(
            name=name,
            url=self.url,
            namespace=self.ns.name,
            ledger="",
            home=str(self.ledger.folder),
            **OPTIONS,  # type: ignore[arg-type]
        )
        async with worker_connections(
            self.url,
            self.ns.name,
            lease_ms=light.lease_ms,
            beat_ms=light.beat_ms,
            block_ms=1_000,
            on_restart=lambda: None,
            warn=lambda text: None,
        ) as (answering, blocking):
            cutters = [Interrupter(n.redis, self.rng, share=share) for n in (answering, blocking)]
            async with anyio.create_task_group() as tg:
                tg.start_soon(self._echo, answering)
                tg.start_soon(self._echo, answering)
                try:
                    while True:
                        self.sessions += 1
                        with anyio.move_on_after(self.rng.uniform(most_s / 3, most_s)):
                            await self._session(light, answering, blocking, pen)
                finally:
                    pen.close()
                    self.interrupted += sum(cutter.count for cutter in cutters)

    async def _session(
        self, light: Light, answering: Namespace, blocking: Namespace, pen: Pen
    ) -> None:
        while True:
            try:
                return await LightWorker(light, answering, blocking, pen).run()
            except Interruption:  # before its loops began
                await anyio.sleep(0.005)

    async def _echo(self, ns: Namespace) -> None:
        """Ask again and again for what only this call asks for."""
        while True:
            token = secrets.token_bytes(8)
            with suppress(BrokerUnavailable):
                assert await ns.redis.echo(token) == token, "the reply of another call"
            await anyio.sleep(0.005)


@pytest.mark.timeout(600)
async def test_commands_that_are_cancelled_lose_nothing_and_shift_no_reply(
    url: str, ledger: Ledger
) -> None:
    await weather(url, ledger, "commands cancelled", share=0.3, most_s=60)


@pytest.mark.timeout(600)
async def test_workers_that_are_cancelled_lose_nothing(url: str, ledger: Ledger) -> None:
    """Sessions of one name follow each other on the same pool of connections."""
    await weather(url, ledger, "workers cancelled", share=0.0, most_s=0.15)


async def weather(url: str, ledger: Ledger, name: str, *, share: float, most_s: float) -> None:
    interrupted = sessions = tasks = lost = 0
    for seed in range(SEEDS):
        async with opened(url) as ns:
            book = Ledger(ledger.folder / f"{seed}")
            storm = Storm(url, ns, book, seed)
            async with anyio.create_task_group() as tg:
                for worker in ("w0", "w1"):
                    tg.start_soon(partial(storm.work, worker, share=share, most_s=most_s))
                await Submitter(ns, book).enqueue(TASKS, name="2ms")
                await settled(ns, TASKS, deadline_s=60)
                tg.cancel_scope.cancel()
            verdict = await judge(ns, book)
            await forget(ns)
        verdict.must_be_clean()
        interrupted += storm.interrupted
        sessions += storm.sessions
        tasks += verdict.acked
        lost += len(verdict.lost)
    assert interrupted or not share
    cut = {"commands_cut": interrupted} if share else {"sessions_cut": sessions}
    figures.note(name, seeds=SEEDS, **cut, tasks=tasks, lost=lost)


async def forget(ns: Namespace) -> None:
    names = [key async for key in ns.redis.scan_iter(match=f"{ns.prefix}*", count=1_000)]
    await ns.redis.delete(*names)


async def test_a_batch_and_a_log_that_are_cancelled_are_whole_in_the_end(url: str) -> None:
    """Calls of several round trips, cancelled at each point where they wait, then repeated."""
    async with opened(url) as ns:
        for at in range(pick(short=4, long=40)):
            tasks = [steps.new_task() for _ in range(450)]
            before = len(await steps.line(ns))
            with anyio.fail_after(20):
                try:
                    await Interrupted(Tasks(ns).enqueue(tasks, steps.UPLOAD), at=at)
                except Interruption:
                    await Tasks(ns).enqueue(tasks, steps.UPLOAD)
            assert await steps.line(ns) == [
                *(await steps.line(ns))[:before],
                *(t.id for t in tasks),
            ]

            claim = await steps.claim_one(ns)
            data = random.Random(at).randbytes(1_000_000)
            chunks = [Chunk(stream="out", offset=0, raw_bytes=len(data), data=data)]
            try:
                await Interrupted(Logs(ns).append(claim, chunks, limit_bytes=2**21), at=at)
            except Interruption:
                await Logs(ns).append(claim, chunks, limit_bytes=2**21)
            read, _ = await Logs(ns).read(claim.task_id, claim.fence)
            assert b"".join(entry.data for entry in read) == data
            assert await steps.finish(ns, claim, "succeeded") == 1
        await forget(ns)
