"""Schedules whose tasks a real worker runs."""

from typing import Any

import anyio
import pytest

from rq_agent.broker.cron_times import Missed
from rq_agent.broker.errors import UsageError
from rq_agent.broker.events import Event
from rq_agent.broker.firing import Firing
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.new_task import Parent
from rq_agent.broker.schedule import Schedule
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.scheduling import Timetable, add_schedule
from rq_agent.broker.submission import Submission
from rq_agent.broker.trust import TrustFile
from rq_agent.scheduler.cron import fire_due, fire_forever
from tests.looking import look_again

from ...scripts.timetable import come_due
from .lab import Lab


def firing(lab: Lab, pair: KeyPair | None = None) -> Firing:
    """Return the scheduler of the lab's machine."""
    return Firing(lab.namespace, pair or lab.pair, TrustFile(lab.home.config / "trust.json"))


async def schedule(
    lab: Lab, script: str, *, expression: str = "0 3 * * *", **options: Any
) -> Schedule:
    path = lab.script(script)
    submission = Submission(target=path, workdir=path.parent, user="ada", **options)
    timetable = Timetable(
        name="nightly", expression=expression, zone="Europe/Berlin", missed=Missed.ONCE
    )
    added = await add_schedule(
        lab.namespace, submission, timetable, lab.pair, replaces=False, progress=lambda text: None
    )
    return added.schedule


async def fired(lab: Lab, count: int) -> list[Event]:
    """Return the first events of a schedule's fires when there are so many."""
    with anyio.fail_after(30):
        while True:
            found = [e for e in await lab.events() if e.event == "schedule_fired"]
            if len(found) >= count:
                return found[:count]
            await look_again()


async def test_the_task_of_a_schedule_runs_with_what_was_signed(lab: Lab) -> None:
    await schedule(
        lab,
        "import os, sys; print(sys.argv[1:], os.environ['COLOUR'])",
        argv=("--full",),
        env={"COLOUR": "blue"},
        labels={"team": "vision"},
        priority=7,
    )
    await come_due(lab.namespace)

    await fire_due(firing(lab), Schedules(lab.namespace))
    task_id = (await Schedules(lab.namespace).show("nightly")).last_task
    assert task_id is not None
    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.priority, record.user) == ("succeeded", 7, "ada")
    assert record.labels == {"schedule": "nightly", "team": "vision"}
    assert await lab.output(task_id) == "['--full'] blue\n"


async def test_a_schedule_of_every_second_fires_second_after_second(lab: Lab) -> None:
    await schedule(lab, "print('tick')", expression="* * * * * *")

    async with lab.worker(), anyio.create_task_group() as tg:
        tg.start_soon(fire_forever, firing(lab), Schedules(lab.namespace))
        tg.start_soon(fire_forever, firing(lab), Schedules(lab.namespace))
        events = await fired(lab, 3)
        await Schedules(lab.namespace).pause("nightly")
        tg.cancel_scope.cancel()

    ids = [e.fields["task"] for e in events]
    assert len(set(ids)) == 3
    async with lab.worker("w2"):
        found = await Lookups(lab.namespace).list(limit=100)
        records = await lab.ended(*(record.id for record in found.records))
    assert {record.state for record in records} == {"succeeded"}


async def test_workers_run_only_what_a_scheduler_signed_that_they_trust(lab: Lab) -> None:
    await schedule(lab, "print('hi')")
    await come_due(lab.namespace)
    stranger = KeyPair.load_or_create(lab.folder / "stranger", "stranger@elsewhere")

    await fire_due(firing(lab, stranger), Schedules(lab.namespace))
    task_id = (await Schedules(lab.namespace).show("nightly")).last_task
    assert task_id is not None
    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert record.state == "errored"
    assert stranger.key_id in record.reason


async def test_a_schedule_runs_now_when_it_is_told(lab: Lab) -> None:
    before = await schedule(lab, "print('hi')")

    enqueued = await firing(lab).run_now("nightly")
    async with lab.worker():
        [record] = await lab.ended(enqueued.id)

    assert record.state == "succeeded"
    assert (await Schedules(lab.namespace).show("nightly")).next_at == before.next_at


async def test_a_schedule_that_makes_no_sense_uploads_nothing(lab: Lab) -> None:
    with pytest.raises(UsageError, match="no date fits"):
        await schedule(lab, "print('hi')", expression="0 0 31 2 *")
    of_one_task: list[dict[str, Any]] = [
        {"delay_s": 5.0},
        {"at_ms": 2**41},
        {"parents": (Parent(TaskId("t")),)},
        {"is_draft": True},
    ]
    for options in of_one_task:
        with pytest.raises(UsageError, match="its tasks can't have"):
            await schedule(lab, "print('hi')", **options)

    left = [key async for key in lab.namespace.redis.scan_iter(match=f"{lab.namespace.prefix}*")]
    assert left == []
