"""Schedulers that are killed while they fire."""

from contextlib import ExitStack
from pathlib import Path

import anyio

from rq_agent.broker.cron_times import Missed
from rq_agent.broker.firing import Firing
from rq_agent.broker.home import below
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.trust import TrustFile
from rq_agent.scheduler.cron import fire_due
from tests.looking import look_again

from ...scripts import steps
from ...scripts.timetable import add, next_ms, someone, stored
from .archives import DEADLINE_S, scheduler_process

ROUNDS = 3


async def more_fired(ns: Namespace, count: int) -> None:
    """Return when so many more tasks were added."""
    wanted = len(await steps.line(ns)) + count
    with anyio.fail_after(DEADLINE_S):
        while len(await steps.line(ns)) < wanted:
            await look_again()


async def test_schedulers_that_are_killed_at_any_moment_lose_no_time_and_fire_none_twice(
    ns: Namespace, url: str, folder: Path, tmp_path: Path
) -> None:
    home, ada = tmp_path / "home", someone(tmp_path)
    home.mkdir()
    trust = TrustFile(below(home).config / "trust.json")
    trust.add(ada.public, ada.name, ["*"])
    await add(ns, ada, expression="* * * * * *", missed=Missed.ALL)
    first_ms = await next_ms(ns)

    for _ in range(ROUNDS):
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(scheduler_process(url, ns.name, folder, home))
            await more_fired(ns, 1)
    await fire_due(Firing(ns, ada, trust), Schedules(ns))

    last_ms = await next_ms(ns)
    assert first_ms is not None
    assert last_ms is not None
    assert last_ms > first_ms
    times = (last_ms - first_ms) / 1000
    assert len(await steps.line(ns)) == times
    assert (await stored(ns))["fired"] == f"{times:.0f}"
