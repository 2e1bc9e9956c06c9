"""The server's memory is full: nothing new is taken, and what is there is worked off."""

import secrets
from collections.abc import Iterator

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import BrokerRefused
from rq_agent.broker.ids import TaskIds
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import NewTask, Tasks

from ..servers import has_redis62
from . import figures
from .crew import Crew
from .ledger import Ledger
from .load import opened
from .servers import Server
from .sizes import IS_LONG, pick
from .submitter import Submitter
from .verdict import judge, settled

OVER_BYTES = pick(short=512, long=3 * 1024) * 1024
TASKS = pick(short=1_000, long=10_000)
KINDS = ["valkey", *(["redis", *(["redis62"] if has_redis62() else [])] if IS_LONG else [])]


async def refusal(ns: Namespace) -> str:
    """Return what a submitter is told. It is told at once, and nothing is kept of its task."""
    task = NewTask(id=TaskIds().new(), queue="default", definition="0" * 64, envelope=b"one more")
    with pytest.raises(BrokerRefused) as refused:
        await Tasks(ns).enqueue([task], {})
    assert not await ns.redis.exists(keys.task(ns.prefix, task.id))
    return str(refused.value)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(request.param) as server:
        yield server


@pytest.mark.timeout(300)
async def test_a_full_server_drains_while_it_refuses_more(server: Server, ledger: Ledger) -> None:
    name = f"c{secrets.token_hex(4)}"
    work = {"slots": 16, "least_work_s": 0.0, "most_work_s": 0.02}
    async with opened(server.url, name) as ns:
        submitter = Submitter(ns, ledger)
        await submitter.enqueue(TASKS)
        used_bytes = server.info("memory")["used_memory"]
        server.limit(used_bytes - OVER_BYTES)
        refusals = [await refusal(ns)]
        with Crew(server.url, name, ledger, size=4, **work) as crew:
            await crew.ready()
            await settled(ns, TASKS, deadline_s=120)
            refusals.append(await refusal(ns))
            server.limit(server.info("memory")["used_memory"] + OVER_BYTES)
            await submitter.enqueue(10)
            await settled(ns, TASKS + 10, deadline_s=30)
        verdict = await judge(ns, ledger)

    verdict.must_be_clean()
    for words in refusals:
        assert "is out of memory and takes nothing new" in words
    figures.note(
        f"out of memory, {server.kind}",
        over_mib=OVER_BYTES / 1024**2,
        tasks=verdict.acked,
        refused=len(refusals),
        lost=len(verdict.lost),
        double_accepted=len(verdict.double_accepted),
        duplicate_runs=verdict.duplicate_runs,
        tasks_s=verdict.acked / verdict.span_s,
    )
