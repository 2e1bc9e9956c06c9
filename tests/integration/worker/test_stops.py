import os
import signal
from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import Finish, FinishCode, Outcome
from rq_agent.broker.draining import Draining
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.states import TaskState
from rq_agent.broker.tasks import CancelOutcome, Tasks

from .lab import Lab

SLEEPER = """
import time
print("started", flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
print("started", flush=True)
while True:
    time.sleep(1)
"""


async def started(lab: Lab, script: str, **options: Any) -> TaskId:
    task_id = await lab.submit(script, **options)
    await lab.reached(task_id, "phase", phase="running")
    await lab.printed(task_id, "started")
    return task_id


async def test_a_cancelled_task_ends_and_the_next_one_starts(lab: Lab) -> None:
    async with lab.worker():
        first = await started(lab, SLEEPER)
        second = await lab.submit("print('second')")

        outcome = await Tasks(lab.namespace).cancel(first)
        records = await lab.ended(first, second)

    assert outcome is CancelOutcome.REQUESTED
    assert [r.state for r in records] == [TaskState.CANCELLED, TaskState.SUCCEEDED]
    assert await Tasks(lab.namespace).cancel(first) is CancelOutcome.FINAL


async def test_a_script_that_ignores_sigterm_is_killed_after_the_grace(lab: Lab) -> None:
    async with lab.worker():
        task_id = await started(lab, STUBBORN)

        await Tasks(lab.namespace).cancel(task_id, grace_ms=200)
        await Tasks(lab.namespace).cancel(task_id, grace_ms=200)
        [record] = await lab.ended(task_id)

    assert (record.state, record.exit_code) == (TaskState.CANCELLED, 137)
    assert "no" in await lab.output(task_id)


async def test_a_second_cancel_may_shorten_the_grace_of_the_first(lab: Lab) -> None:
    async with lab.worker():
        task_id = await started(lab, STUBBORN, grace_s=600)
        await Tasks(lab.namespace).cancel(task_id)
        await lab.printed(task_id, "no")

        await Tasks(lab.namespace).cancel(task_id, grace_ms=0)
        [record] = await lab.ended(task_id)

    assert (record.state, record.exit_code) == (TaskState.CANCELLED, 137)


async def test_a_task_that_takes_too_long_is_timed_out(lab: Lab) -> None:
    task_id = await lab.submit(SLEEPER, timeout_s=0.5)

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.reason) == (TaskState.TIMED_OUT, "timed out after 0.5 s")


async def test_a_drained_worker_finishes_what_runs_and_claims_no_more(lab: Lab) -> None:
    async with lab.worker() as signals:
        first = await started(lab, "import time; print('started', flush=True); time.sleep(0.5)")
        signals.drain("the test says so")
        second = await lab.submit("print('second')")
        [record] = await lab.ended(first)

    assert record.state == TaskState.SUCCEEDED
    assert (await lab.record(second)).state == TaskState.QUEUED


async def test_a_worker_that_is_asked_twice_gives_its_task_back_uncharged(lab: Lab) -> None:
    async with lab.worker():
        task_id = await started(lab, SLEEPER)
        os.kill(os.getpid(), signal.SIGTERM)
        await lab.worker_is("w1", "draining")
        os.kill(os.getpid(), signal.SIGTERM)
        await lab.reached(task_id, "release")

    record = await lab.record(task_id)
    assert (record.state, record.attempt, record.lost) == (TaskState.QUEUED, 1, 0)


@pytest.mark.parametrize("is_heard_by_beat", [False, True])
async def test_a_worker_that_is_stopped_from_afar_gives_its_task_back_uncharged(
    lab: Lab, is_heard_by_beat: bool
) -> None:
    async with lab.worker(beat_ms=200):
        task_id = await started(lab, SLEEPER)
        if is_heard_by_beat:  # its message was lost
            key = keys.command(lab.namespace.prefix, "w1")
            await lab.namespace.redis.hset(key, "command", "stop")
            await lab.namespace.redis.pexpire(key, 60_000)
        else:
            await Draining(lab.namespace).stop("w1")
        await lab.reached(task_id, "release")

    record = await lab.record(task_id)
    assert (record.state, record.attempt, record.lost) == (TaskState.QUEUED, 1, 0)


async def test_a_task_that_another_worker_claimed_is_stopped_and_reports_nothing(lab: Lab) -> None:
    async with lab.worker():
        task_id = await started(lab, SLEEPER)
        other = await lab.taken_away(task_id)
        ended = Finish(claim=other, outcome=Outcome.SUCCEEDED, exit_code=0)
        assert await Leases(lab.namespace).finish([ended]) == [FinishCode.APPLIED]
        # Leaving the block drains the worker: it ends only if it stops the script.

    record = await lab.record(task_id)
    assert (record.state, record.exit_code, record.fence) == (TaskState.SUCCEEDED, 0, 2)


@pytest.mark.parametrize("phase", ["environment"])
async def test_a_task_can_be_cancelled_while_its_environment_is_built(lab: Lab, phase: str) -> None:
    slow = lab.script("raise SystemExit('never built')", "setup.py").parent
    (slow / "setup.py").write_text("import time; time.sleep(600)")
    async with lab.worker():
        task_id = await lab.submit("print('never')", packages=(f"slow @ file://{slow}",))
        await lab.reached(task_id, "phase", phase=phase)

        await Tasks(lab.namespace).cancel(task_id)
        [record] = await lab.ended(task_id)

    assert record.state == TaskState.CANCELLED
