"""Schedulers and their server die: each time fires once, each ended task reaches the archive."""

import random
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker import keys
from rq_agent.broker.cron_times import Missed
from rq_agent.broker.decoding import text
from rq_agent.broker.firing import Firing
from rq_agent.broker.home import below
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.trust import TrustFile
from rq_agent.scheduler.cron import fire_due

from ..integration.scheduler.archives import kept, many_ended, scheduler_process
from ..leak_check import check_no_leaks
from ..scripts import steps
from ..scripts.retiring import make_due
from ..scripts.timetable import add, next_ms, someone, stored
from . import figures
from .load import opened
from .servers import Server
from .sizes import long_only

ROUNDS = 6
TASKS = 6_000
NEVER_MS = 4e12


@long_only  # schedulers alone are killed in short by tests/integration/scheduler
@pytest.mark.timeout(300)
async def test_schedulers_whose_server_dies_fire_once_and_archive_all(tmp_path: Path) -> None:
    home, folder, ada = tmp_path / "home", tmp_path / "archive", someone(tmp_path)
    home.mkdir()
    trust = TrustFile(below(home).config / "trust.json")
    trust.add(ada.public, ada.name, ["*"])
    rng, name = random.Random(8), f"c{secrets.token_hex(4)}"
    with Server() as server:
        async with opened(server.url, name) as ns:
            ids = await many_ended(ns, TASKS)
            for key in (keys.unarchived(ns.prefix), keys.done(ns.prefix)):
                await ns.redis.zadd(key, dict.fromkeys(ids, NEVER_MS), xx=True)
            await add(ns, ada, expression="* * * * * *", missed=Missed.ALL)
            first_ms = await next_ms(ns)
            for n in range(ROUNDS):
                await make_due(ns, *ids[n::ROUNDS])
                with schedulers(server.url, name, folder, home):
                    await anyio.sleep(rng.uniform(0.0, 0.5))  # into whatever they do just then
                    server.kill()
                    await anyio.sleep(rng.uniform(0.0, 1.5))
                    await anyio.to_thread.run_sync(server.start)
                    await anyio.sleep(rng.uniform(0.0, 0.4))
            left = await ns.redis.zrange(keys.done(ns.prefix), 0, -1)
            await make_due(
                ns, *[TaskId(text(raw)) for raw in left]
            )  # those that the dead had taken
            with schedulers(server.url, name, folder, home):
                await all_purged(ns)
            await fire_due(Firing(ns, ada, trust), Schedules(ns))
            last_ms = await next_ms(ns)
            assert first_ms is not None
            assert last_ms is not None
            times = round((last_ms - first_ms) / 1000)
            fired = len(await steps.line(ns))
            archived = kept(ns, folder)
            await check_no_leaks(ns)

            assert fired == times
            assert (await stored(ns))["fired"] == str(times)
            assert sorted(archived) == sorted(ids)
    figures.note(
        "schedulers and server SIGKILL",
        server_kills=ROUNDS,
        scheduler_kills=2 * ROUNDS,
        times=times,
        fired=fired,
        ended_tasks=TASKS,
        left_by_the_dead=len(left),
        archived_once=len(archived),
    )


@contextmanager
def schedulers(url: str, name: str, folder: Path, home: Path) -> Iterator[None]:
    """Run two of them; they are killed at the end."""
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(scheduler_process(url, name, folder, home))
        yield


async def all_purged(ns: Namespace) -> None:
    """Wait until no ended task is left in Redis."""
    with anyio.fail_after(120):
        while await ns.redis.zcard(keys.done(ns.prefix)):
            await anyio.sleep(0.05)
