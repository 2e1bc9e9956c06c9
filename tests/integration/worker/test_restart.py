"""A worker that is to start anew leaves what runs to its next session."""

import signal
from typing import Any

import anyio
import anyio.lowlevel
import psutil

from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.history import history

from .lab import Lab
from .left_behind import GOES_ON, WAITER, Left, short_session
from .outside import worker_process


async def test_what_runs_goes_on_under_a_lease_that_lasts(lab: Lab) -> None:
    async with short_session(lab, name="w1") as signals:
        task_id = await lab.submit(WAITER)
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "started")
        own: Any = {"lease_ms": 60_000}
        await lab.namespace.redis.hset(keys.task(lab.namespace.prefix, task_id), mapping=own)
        await Draining(lab.namespace, who="ada").restart("w1")
        with anyio.fail_after(20):
            while not signals.handed_over:
                await anyio.lowlevel.checkpoint()
    left = Left(lab, task_id)
    now_s, _ = await lab.namespace.redis.time()
    leases = keys.leases(lab.namespace.prefix)
    deadline_ms = await lab.namespace.redis.zscore(leases, task_id) or 0.0
    [worker] = await lab.workers()

    assert signals.starts_anew
    assert psutil.pid_exists(left.shim)
    assert deadline_ms / 1000 - now_s > 500
    assert worker.expires_at - now_s > 500
    async with lab.worker("w1"):
        await lab.printed(task_id, GOES_ON)
        await left.go(7)
        [record] = await lab.ended(task_id)
    assert (record.state, record.exit_code, record.fence, record.lost) == ("failed", 7, 1, 0)


async def test_what_is_not_started_goes_back_uncharged(lab: Lab) -> None:
    project = lab.script("import time; time.sleep(600)", "setup.py").parent
    async with short_session(lab, name="w1") as signals:
        task_id = await lab.submit("print('built')", packages=(f"slow @ {project.as_uri()}",))
        await lab.reached(task_id, "phase", phase="environment")
    record = await lab.record(task_id)

    assert (record.state, record.attempt, record.lost) == ("queued", 1, 0)
    assert [s.detail for s in await history(lab.namespace, task_id)][-1] == "the test"
    assert signals.handed_over == 0


async def test_a_hangup_is_a_restart(lab: Lab) -> None:
    async with worker_process(lab) as worker:
        task_id = await lab.submit(WAITER)
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "started")
        worker.send_signal(signal.SIGHUP)
        with anyio.fail_after(20):
            await worker.wait()
    left = Left(lab, task_id)

    assert (worker.returncode, psutil.pid_exists(left.shim)) == (0, True)
    async with lab.worker("w1"):
        await left.end()
        [record] = await lab.ended(task_id)
    assert record.exit_code == 7
