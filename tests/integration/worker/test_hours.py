"""A worker that takes tasks only at some hours, on a clock that the test sets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from rq_agent.broker.draining import Draining
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.states import TaskState
from rq_agent.worker.hours import parse
from rq_agent.worker.opening import utc_now
from tests.looking import look_again

from .lab import Lab

NIGHT = "19:00-08:00"
OPENS = datetime(2026, 11, 23, 19, tzinfo=UTC)
CLOSES = datetime(2026, 11, 24, 8, tzinfo=UTC)
SLEEPER = "import time; print('started', flush=True); time.sleep(600)"


class Clock:
    """Stands still until the test sets it. The worker looks at it each time its hours may change."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


BEFORE = timedelta(seconds=0.2)


def options(clock: Clock, **more: Any) -> dict[str, Any]:
    return {"hours": parse(NIGHT, "UTC"), "now": clock} | more


async def parked(lab: Lab, worker: str, is_wanted: bool) -> None:
    """Wait until a worker is parked: a task would wake it; or until none would."""
    redis, pattern = lab.namespace.redis, f"{lab.namespace.prefix}idle:*"
    with anyio.fail_after(20):
        while is_wanted != any(
            [await redis.zscore(key, worker) async for key in redis.scan_iter(match=pattern)]
        ):
            await look_again()


async def test_a_worker_claims_nothing_outside_of_its_hours_and_says_until_when(lab: Lab) -> None:
    async with lab.worker(**options(Clock(OPENS - timedelta(hours=1)))):
        task_id = await lab.submit("print('late')")
        await lab.worker_is("w1", "off-hours")
        [worker] = await lab.workers()
        why = await Lookups(lab.namespace).why(task_id)

    assert worker.until == OPENS.timestamp()
    assert worker.hours == NIGHT
    assert worker.facts["hours_zone"] == "UTC"
    assert (await lab.record(task_id)).state == TaskState.QUEUED
    assert why.reasons[0].code == "off-hours"
    assert "w1 until Mon 19:00 UTC" in why.reasons[0].text


async def test_it_takes_what_waits_when_the_hours_begin(lab: Lab) -> None:
    task_id = await lab.submit("print('at last')")

    clock = Clock(OPENS - BEFORE)
    async with lab.worker(**options(clock, beat_ms=60_000)):
        await lab.worker_is("w1", "off-hours")
        clock.at = OPENS
        [record] = await lab.ended(task_id)
        [worker] = await lab.workers()

    assert record.state == TaskState.SUCCEEDED
    assert worker.until == CLOSES.timestamp()


async def test_what_runs_when_the_hours_end_goes_on_and_nothing_follows(lab: Lab) -> None:
    going = lab.folder / "go"
    script = (
        f"import pathlib, time\nwhile not pathlib.Path({str(going)!r}).exists(): time.sleep(.01)"
    )
    clock = Clock(CLOSES - BEFORE)
    async with lab.worker(slots=2, **options(clock)):
        task_id = await lab.submit(script)
        await lab.reached(task_id, "phase", phase="running")
        clock.at = CLOSES
        await lab.worker_is("w1", "off-hours")
        late = await lab.submit("print('late')")
        going.touch()
        [record] = await lab.ended(task_id)

    assert record.state == TaskState.SUCCEEDED
    assert (await lab.record(late)).state == TaskState.QUEUED


async def test_what_runs_when_the_hours_end_is_given_back_where_that_was_asked_for(
    lab: Lab,
) -> None:
    clock = Clock(CLOSES - BEFORE)
    async with lab.worker(**options(clock, hours_end="give-back")):
        task_id = await lab.submit(SLEEPER)
        await lab.reached(task_id, "phase", phase="running")
        clock.at = CLOSES
        event = await lab.reached(task_id, "release")
        record = await lab.record(task_id)

    assert event.fields["state"] == "queued"
    assert (record.state, record.attempt, record.lost) == (TaskState.QUEUED, 1, 0)


async def test_a_parked_worker_whose_hours_end_is_not_woken_in_place_of_another(lab: Lab) -> None:
    first = await lab.submit("print('first')")
    clock = Clock(CLOSES - BEFORE)
    async with lab.worker("night", **options(clock)):
        await lab.ended(first)
        await parked(lab, "night", True)
        async with lab.worker("day"):
            clock.at = CLOSES
            await parked(lab, "night", False)
            tasks = [await lab.submit(f"print({n})") for n in range(3)]
            records = await lab.ended(*tasks)

    assert {record.worker for record in records} == {"day"}
    woken = await lab.namespace.redis.xrange(f"{lab.namespace.prefix}in:night")
    assert woken == []


async def test_hours_are_overridden_once_for_a_while(lab: Lab) -> None:
    clock = Clock(utc_now())
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(clock.at.weekday() + 3) % 7]
    hours = parse(f"{day} 12:00-12:01", "UTC")
    async with lab.worker(**options(clock, hours=hours, beat_ms=60_000)):
        await lab.worker_is("w1", "off-hours")
        assert await Draining(lab.namespace).resume("w1", for_ms=3_600_000)
        [record] = await lab.ended(await lab.submit("print('now')"))
        await lab.worker_is("w1", "idle")
        [worker] = await lab.workers()
        assert worker.until is not None
        assert abs(worker.until - clock.at.timestamp() - 3_600) < 60
        clock.at += timedelta(hours=2)
        await Draining(lab.namespace).resume("w1", for_ms=1)  # so that it looks at its clock
        await lab.worker_is("w1", "off-hours")

    assert record.state == TaskState.SUCCEEDED


@pytest.mark.parametrize("is_open", [False, True])
async def test_once_outside_of_the_hours_takes_nothing_and_ends(lab: Lab, is_open: bool) -> None:
    task_id = await lab.submit("print('x')")
    begin = OPENS + timedelta(hours=1 if is_open else -1)

    await lab.work(once=True, **options(Clock(begin)))

    state = TaskState.SUCCEEDED if is_open else TaskState.QUEUED
    assert (await lab.record(task_id)).state == state
