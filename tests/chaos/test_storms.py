"""Workers are killed and stopped all the time: nothing is lost, nothing is accepted twice."""

import random
import secrets
from collections.abc import AsyncIterator

import anyio
import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace

from ..servers import Servers
from . import figures
from .crew import Crew
from .figures import percentile
from .ledger import Ledger
from .sizes import pick
from .submitter import Submitter
from .verdict import judge, settled

LEASE_S = 2.0


@pytest.fixture
def url(servers: Servers) -> str:
    return urls.of_socket(servers.socket("valkey"))


@pytest.fixture
async def ns(url: str) -> AsyncIterator[Namespace]:
    async with connect(url) as redis:
        yield await Namespace.open(redis, f"c{secrets.token_hex(4)}")


@pytest.mark.timeout(600)
async def test_a_storm_of_sigkill_loses_nothing(url: str, ns: Namespace, ledger: Ledger) -> None:
    tasks = pick(short=400, long=10_000)
    size = pick(short=8, long=16)
    rng = random.Random(5)
    with Crew(url, ns.name, ledger, size=size, slots=2) as crew:
        await crew.ready()
        await Submitter(ns, ledger).enqueue(tasks)
        async with anyio.create_task_group() as tg:
            tg.start_soon(storm, crew, rng)
            await settled(ns, tasks, deadline_s=pick(short=60, long=500))
            tg.cancel_scope.cancel()
    verdict = await judge(ns, ledger)

    verdict.must_be_clean()
    recovered = verdict.first_recoveries_s
    figures.note(
        "SIGKILL storm",
        tasks=verdict.acked,
        kills=verdict.kills,
        lost=len(verdict.lost),
        double_accepted=len(verdict.double_accepted),
        duplicate_runs=verdict.duplicate_runs,
        recovery_p50_s=percentile(recovered, 50),
        recovery_p99_s=percentile(recovered, 99),
        recovery_max_s=max(recovered),
        tasks_s=verdict.acked / verdict.span_s,
    )


async def storm(crew: Crew, rng: random.Random) -> None:
    """Kill a worker every 150 ms; it starts again at once, half of the time under a new name."""
    while True:
        await anyio.sleep(0.15)
        number = crew.anyone(rng)
        crew.kill(number)
        crew.restart(number, as_new=rng.random() < 0.5)
