"""The clock of the server jumps by an hour, either way, while work goes on."""

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from rq_agent.broker import keys, urls
from rq_agent.broker.connection import connect
from rq_agent.broker.cron_times import Missed
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules
from rq_agent.scheduler.cron import fire_due

from ..integration.worker.lab import open_lab
from ..integration.worker.outside import worker_process
from ..scripts import steps, timetable
from ..servers import Servers
from . import figures
from .clocked import ClockedServer, faked, off_by
from .crew import Crew
from .ledger import Ledger
from .load import quiet
from .sizes import long_only, pick
from .submitter import Submitter
from .verdict import judge

HOUR_S = 3_600
SIZE = 3
LEASE_S = 2.0


@pytest.fixture(scope="module")
def server() -> Iterator[ClockedServer]:
    with ClockedServer() as server:
        yield server


@pytest.fixture
async def ns(server: ClockedServer) -> AsyncIterator[Namespace]:
    async with connect(urls.of_socket(server.socket)) as redis:
        yield await Namespace.open(redis, f"k{secrets.token_hex(4)}")
    server.set_off(0)


BOTH_S = [HOUR_S, -HOUR_S]
OPTIONS: dict[str, Any] = {"slots": 2, "lease_ms": int(LEASE_S * 1_000), "beat_ms": 200}


@pytest.mark.parametrize("step_s", pick(short=[HOUR_S], long=BOTH_S))
async def test_a_step_of_the_servers_clock_reaps_nobody(
    server: ClockedServer, ns: Namespace, ledger: Ledger, step_s: int
) -> None:
    with Crew(urls.of_socket(server.socket), ns.name, ledger, size=SIZE, **OPTIONS) as crew:
        await crew.ready()
        submitter = Submitter(ns, ledger)
        await submitter.enqueue(SIZE, name="1000ms")  # they run across the step
        await submitter.enqueue(4, delay_ms=500, name="1ms")
        await begun(ledger, SIZE)
        server.set_off(step_s)
        stepped_s = time.monotonic()
        await submitter.enqueue(6 * SIZE, name="50ms")
        await begun(ledger, 7 * SIZE)
        resumed_s = time.monotonic() - stepped_s
        await anyio.sleep(pick(short=0, long=2 * LEASE_S))
        await due_now(ns)
        await quiet(ns)
        await submitter.enqueue(1, name="1ms")  # to a worker that parked after the step
        await quiet(ns)
        lost = len(await steps.events(ns, "lost"))
    verdict = await judge(ns, ledger)

    verdict.must_be_clean()
    assert (lost, verdict.duplicate_runs, verdict.fenced) == (0, 0, 0)
    figures.note(
        f"server's clock {step_s:+d} s",
        lost=len(verdict.lost),
        reaped=lost,
        resumes_s=resumed_s,
        tasks=verdict.acked,
    )


@pytest.mark.parametrize("step_s", pick(short=[-HOUR_S], long=BOTH_S))
async def test_a_worker_that_died_at_a_step_is_found_out_all_the_same(
    server: ClockedServer, ns: Namespace, ledger: Ledger, step_s: int
) -> None:
    """Set back, its lease would last an hour longer than it should."""
    with Crew(urls.of_socket(server.socket), ns.name, ledger, size=SIZE, **OPTIONS) as crew:
        await crew.ready()
        await Submitter(ns, ledger).enqueue(2 * SIZE, name="1000ms")
        await begun(ledger, 2 * SIZE)
        killed_s = time.monotonic()
        crew.kill(0)
        server.set_off(step_s)
        await quiet(ns)
        lost = len(await steps.events(ns, "lost"))
    verdict = await judge(ns, ledger)

    verdict.must_be_clean()
    assert lost == verdict.duplicate_runs == 2
    [first, _] = verdict.first_recoveries_s
    figures.note(
        f"worker died at {step_s:+d} s", recovery_s=first, whole_s=time.monotonic() - killed_s
    )


async def test_a_schedule_fires_no_hour_twice(
    server: ClockedServer, ns: Namespace, tmp_path: Path
) -> None:
    """Set ahead it makes up for the hour, if it was told to; set back and ahead again it does not."""
    await timetable.add(
        ns, timetable.someone(tmp_path), expression="* * * * *", missed=Missed.ALL, zone="UTC"
    )
    fired = []
    for off_s in (HOUR_S, 0, HOUR_S, 0, -HOUR_S, HOUR_S):
        server.set_off(off_s)
        await fire_due(timetable.firing(ns, tmp_path), Schedules(ns))
        fired.append(len(await steps.line(ns)))

    assert 59 <= fired[0] <= 61
    assert fired[-1] - fired[0] <= 1  # a minute of the test itself may have passed
    figures.note("cron, clock set back and ahead", fires_twice=max(0, fired[-1] - fired[0] - 1))


@long_only  # a real worker under libfaketime needs seconds to begin
@pytest.mark.parametrize("off_s", BOTH_S)
async def test_a_worker_whose_clock_is_off_works_like_others(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off_s: int
) -> None:
    """What it is told and tells in times is of the server's clock; signatures last for days."""
    url = urls.of_socket(servers.socket("valkey"))  # started before, with the true clock
    offset = tmp_path / "offset"
    off_by(offset, off_s)
    for name, value in faked(offset).items():
        monkeypatch.setenv(name, value)
    async with open_lab(url, f"k{secrets.token_hex(4)}", tmp_path) as lab, worker_process(lab):
        ids = [
            await lab.submit("import time; print(time.time())"),
            await lab.submit("print('later')", delay_s=0.3),
        ]
        records = await lab.ended(*ids)
        told_s = float(await lab.output(ids[0]))
        [worker] = await lab.workers()
        lost = await steps.events(lab.namespace, "lost")

    assert [record.state for record in records] == ["succeeded", "succeeded"]
    assert abs(told_s - time.time() - off_s) < 60  # its clock really was off, and its tasks' too
    assert not lost
    assert abs(worker.expires_at - time.time()) < 120
    figures.note(f"worker's clock {off_s:+d} s", tasks=2, lost=0, reaped=0)


async def begun(ledger: Ledger, count: int) -> None:
    """Wait until so many tasks were begun."""
    with anyio.fail_after(60):
        while len(ledger.lines("start")) < count:
            await anyio.sleep(0.02)


async def due_now(ns: Namespace) -> None:
    """Let no task wait for an hour: what was to come in half a second before the step."""
    ids = await steps.members(ns, keys.delayed(ns.prefix))
    if ids:
        await ns.redis.zadd(keys.delayed(ns.prefix), dict.fromkeys(ids, 1), xx=True)
