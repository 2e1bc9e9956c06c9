"""The server dies under load: with all that it wrote, without its last second, or for good."""

import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker.namespace import Namespace

from . import figures
from .aftermath import look_back
from .crew import Crew
from .figures import percentile
from .ledger import Ledger
from .load import events_of, fed, opened, quiet, resumed
from .proxy import Proxy
from .servers import Server
from .sizes import long_only, pick
from .submitter import Submitter
from .verdict import judge

LEASE_S: Final = pick(short=1.0, long=2.0)
SLOTS: Final = 4
TASK_S: Final = pick(short=1.0, long=4.0)
BUSY_S: Final = 2.1
"""Longer than the longest time that a cut takes away."""
CREW: Final[dict[str, Any]] = {
    "size": pick(short=2, long=4),
    "slots": round(10 * TASK_S),  # so that each worker begins ten tasks a second
    "least_work_s": 0.5 * TASK_S,
    "most_work_s": 1.5 * TASK_S,
}


@asynccontextmanager
async def loaded(ns: Namespace, ledger: Ledger, crew: Crew) -> AsyncIterator[None]:
    """Yield while all slots are taken, new tasks begin all the time, and some wait for long."""
    await crew.ready()
    room = 10 * len(crew.members)  # tasks a second that they begin
    waiting = 2 * room  # so that a patient one waits for longer than a cut reaches back
    early = Submitter(ns, ledger, name="early")
    await early.enqueue(len(crew.members) * CREW["slots"] + waiting)
    async with (
        fed(ns, ledger, rate=room // 2, by="urgent", priority=1),
        fed(ns, ledger, rate=room // 2, by="patient"),
    ):
        with anyio.fail_after(60):
            while busy_s(ledger) < BUSY_S:
                await anyio.sleep(0.05)
        yield


def busy_s(ledger: Ledger) -> float:
    """Return for how long workers have taken tasks in place of those that ended."""
    ended = ledger.lines("told")
    return time.monotonic() - ended[0].at if ended else 0.0


@pytest.mark.timeout(600)
async def test_a_server_that_dies_again_and_again_reaps_nobody(ledger: Ledger) -> None:
    rounds, size = pick(short=2, long=20), pick(short=4, long=8)
    down_s = pick(short=0.3, long=1.5 * LEASE_S)
    rng, name = random.Random(20), f"c{secrets.token_hex(4)}"
    options = {
        "slots": SLOTS,
        "lease_ms": round(1000 * LEASE_S),
        "least_work_s": 0.2,
        "most_work_s": 0.6,
    }
    resumes_s: list[float] = []
    with Server() as server, Crew(server.url, name, ledger, size=size, **options) as crew:
        async with opened(server.url, name) as ns:
            await crew.ready()
            async with fed(ns, ledger, rate=80):
                await resumed(ledger, crew, 0)
                for n in range(rounds):
                    worker_dies_too = n >= rounds // 2
                    if n == rounds // 2:
                        assert await events_of(ns, "lost") == []
                    if worker_dies_too:
                        crew.kill(0)
                    server.kill()
                    await anyio.sleep(rng.uniform(0, down_s))
                    await anyio.to_thread.run_sync(server.start)
                    back_s = time.monotonic()
                    if worker_dies_too:
                        crew.restart(0, as_new=True)
                    resumes_s += await resumed(ledger, crew, back_s)
            await quiet(ns)
            verdict = await judge(ns, ledger)
            reaped = await events_of(ns, "lost")

    verdict.must_be_clean()
    assert len(reaped) <= verdict.kills * SLOTS
    assert max(resumes_s) <= 10
    figures.note(
        "server SIGKILL and restart",
        restarts=rounds,
        tasks=verdict.acked,
        lost=len(verdict.lost),
        double_accepted=len(verdict.double_accepted),
        killed_workers=verdict.kills,
        reaped=len(reaped),
        duplicate_runs=verdict.duplicate_runs,
        resume_p50_s=percentile(resumes_s, 50),
        resume_max_s=max(resumes_s),
    )


@pytest.mark.timeout(300)
async def test_a_server_that_lost_its_last_second_hears_of_what_runs(ledger: Ledger) -> None:
    name = f"c{secrets.token_hex(4)}"
    with Server() as server, Crew(server.url, name, ledger, **CREW) as crew:
        async with opened(server.url, name) as ns:
            async with loaded(ns, ledger, crew):
                killed_s = time.monotonic()
                server.kill()
                cut = server.cut(1, torn_bytes=37)
                await anyio.to_thread.run_sync(server.start)
                await resumed(ledger, crew, time.monotonic())
            await quiet(ns)
            aftermath = await look_back(ns, ledger, killed_s, lost_since=cut.lost_since)

    aftermath.must_be_known()
    assert aftermath.readopted_percent >= 95
    figures.note("AOF cut by a second", lost_s=cut.lost_s, **aftermath.figures())


@long_only  # the short form would be that of the test above, which loses its claims in another way
@pytest.mark.timeout(300)
async def test_a_replica_that_was_promoted_hears_of_what_runs(ledger: Ledger) -> None:
    """What was written after the replica lost touch is gone, as in any asynchronous failover."""
    name, behind_s = f"c{secrets.token_hex(4)}", 1.0
    with (
        Server(port=True) as server,
        server.replica() as replica,
        Proxy(server.socket) as proxy,
        Crew(proxy.url, name, ledger, **CREW) as crew,
    ):
        async with opened(proxy.url, name) as ns:
            with anyio.fail_after(30):
                while not replica.is_in_step():
                    await anyio.sleep(0.05)
            async with loaded(ns, ledger, crew):
                lost_since = time.monotonic()
                replica.promote()
                await anyio.sleep(behind_s)
                killed_s = time.monotonic()
                server.kill()
                proxy.switch(replica.socket)
                await resumed(ledger, crew, time.monotonic())
            await quiet(ns)
            aftermath = await look_back(ns, ledger, killed_s, lost_since=lost_since)

    aftermath.must_be_known()
    assert aftermath.readopted_percent >= 95
    figures.note("promoted replica", behind_s=behind_s, **aftermath.figures())
