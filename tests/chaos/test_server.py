"""The server dies under load: with all that it wrote, without its last second, or for good."""

import random
import secrets
import time

import anyio
import anyio.to_thread
import pytest

from . import figures
from .crew import Crew
from .figures import percentile
from .ledger import Ledger
from .load import events_of, fed, opened, quiet, resumed
from .servers import Server
from .sizes import pick
from .verdict import judge

LEASE_S = 2.0
SLOTS = 4


@pytest.mark.timeout(600)
async def test_a_server_that_dies_again_and_again_reaps_nobody(ledger: Ledger) -> None:
    rounds, size = pick(short=2, long=20), pick(short=4, long=8)
    down_s = pick(short=0.3, long=1.5 * LEASE_S)
    rng, name = random.Random(20), f"c{secrets.token_hex(4)}"
    options = {"slots": SLOTS, "least_work_s": 0.2, "most_work_s": 0.6}
    resumes_s: list[float] = []
    with Server() as server, Crew(server.url, name, ledger, size=size, **options) as crew:
        async with opened(server.url, name) as ns:
            await crew.ready()
            async with fed(ns, ledger):
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
