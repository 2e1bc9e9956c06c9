"""Tasks that a real worker tries once more."""

from typing import Any

import pytest

from rq_agent.broker import keys, restarts
from rq_agent.broker.claims import Outcome
from rq_agent.broker.history import history
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import Logs
from rq_agent.broker.retries import RetryPolicy, encode

from .lab import Lab

THIRD_TIME = """
import os
attempt = int(os.environ["RQ_AGENT_ATTEMPT"])
print("attempt", attempt)
raise SystemExit(75 if attempt < 3 else 0)
"""


def policy(**changes: Any) -> str:
    return encode(RetryPolicy(**({"retries": 3, "base_ms": 0, "jitter_percent": 0} | changes)))


async def printed_by(lab: Lab, task_id: TaskId, fence: int) -> bytes:
    entries, _ = await Logs(lab.namespace).read(task_id, fence, count=100)
    return b"".join(e.data for e in entries if e.stream == "out")


async def test_a_script_that_fails_for_a_while_succeeds_as_the_same_task(lab: Lab) -> None:
    task_id = await lab.submit(THIRD_TIME, retry=policy(on=frozenset(), exit_codes=(75,)))
    later = await lab.submit("print('later')")

    async with lab.worker():
        [record, _] = await lab.ended(task_id, later)

    assert (record.state, record.attempt, record.fence) == ("succeeded", 3, 3)
    assert (record.exit_code, record.reason) == (0, "")
    for fence in (1, 2, 3):
        assert await printed_by(lab, task_id, fence) == b"attempt %d\n" % fence
    told = [step.detail for step in await history(lab.namespace, task_id) if step.event == "retry"]
    assert told == ["exit 75; try 2 of 4 in 0 s", "exit 75; try 3 of 4 in 0 s"]
    claimed = [e.task_id for e in await lab.events() if e.event == "claimed"]
    assert claimed == [task_id, task_id, task_id, later]


async def test_the_last_try_is_the_end(lab: Lab) -> None:
    task_id = await lab.submit(
        "raise SystemExit(1)", retry=policy(retries=1, on=frozenset({Outcome.FAILED}))
    )

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.attempt, record.reason) == ("failed", 2, "exit 1")


async def test_a_failure_is_not_tried_again_where_only_errors_are(lab: Lab) -> None:
    task_id = await lab.submit("raise SystemExit(1)", retry=policy())

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.attempt) == ("failed", 1)


async def test_a_retry_waits_for_its_delay(lab: Lab) -> None:
    task_id = await lab.submit(
        "raise SystemExit(75)", retry=policy(base_ms=60_000, on=frozenset({Outcome.FAILED}))
    )

    async with lab.worker():
        retried = await lab.reached(task_id, "retry")
        record = await lab.record(task_id)

    due_ms = await lab.namespace.redis.zscore(keys.delayed(lab.namespace.prefix), task_id)
    assert record.state == "delayed"
    assert due_ms is not None
    assert 60_000 <= due_ms - retried.at * 1000 < 61_000


async def test_a_cancelled_task_is_not_tried_again_whatever_its_policy(lab: Lab) -> None:
    task_id = await lab.submit(
        "import time; print('on', flush=True); time.sleep(600)",
        retry=policy(on=frozenset(Outcome) & {Outcome.FAILED, Outcome.ERRORED, Outcome.TIMED_OUT}),
    )

    async with lab.worker():
        await lab.reached(task_id, "phase", phase="running")
        await lab.cancel(task_id)
        [record] = await lab.ended(task_id)

    assert (record.state, record.attempt) == ("cancelled", 1)


async def test_a_task_that_ran_out_of_time_is_tried_again_where_it_may(lab: Lab) -> None:
    script = """
        import os, time
        time.sleep(600 if os.environ["RQ_AGENT_ATTEMPT"] == "1" else 0)
    """
    task_id = await lab.submit(
        script, timeout_s=0.5, grace_s=0, retry=policy(on=frozenset({Outcome.TIMED_OUT}))
    )

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.attempt) == ("succeeded", 2)


async def test_a_policy_that_somebody_broke_is_told_and_the_end_counts(lab: Lab) -> None:
    task_id = await lab.submit("raise SystemExit(1)", retry=policy())
    await lab.namespace.redis.hset(
        keys.task(lab.namespace.prefix, task_id), "retry", b"\xff for ever"
    )

    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert (record.state, record.attempt) == ("failed", 1)
    assert record.reason == "exit 1; its retry policy is malformed"


async def test_a_service_that_ran_for_long_is_started_again_soon(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "SOON_MS", 1)  # any run is a long one
    task_id = await lab.submit("print('served')", restart="always")

    async with lab.worker():
        again = await lab.reached(task_id, "retry")

    stored = await lab.namespace.redis.hgetall(keys.task(lab.namespace.prefix, task_id))
    assert (stored[b"state"], stored[b"retry"]) == (b"delayed", b"restart always")
    due_ms = await lab.namespace.redis.zscore(keys.delayed(lab.namespace.prefix), task_id)
    assert due_ms is not None
    assert 0 < due_ms - again.at * 1000 <= 1_000
    assert await printed_by(lab, task_id, 1) == b"served\n"
