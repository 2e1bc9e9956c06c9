"""Who lost its lease may finish its program, but never the task; an exclusive one not even that."""

import signal

import anyio
import anyio.to_thread

from rq_agent.broker import keys
from rq_agent.broker.claims import Finish, FinishCode, Outcome
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.worker.process.handle import recover
from rq_agent.worker.process.wait import wait
from tests.looking import look_again

from .lab import DEADLINE_S, Lab
from .outside import worker_process

WAITS = """
import os
os.mkfifo("go")
print("runs", flush=True)
raise SystemExit(int(open("go").read()))
"""


async def runs(lab: Lab, task_id: TaskId) -> None:
    await lab.reached(task_id, "claimed")
    await lab.printed(task_id, "runs")


async def exited(lab: Lab, task_id: TaskId) -> str | None:
    """Return what ended the program of a first attempt, when its shim has."""
    handle = await anyio.to_thread.run_sync(recover, lab.run_folder(task_id))
    assert handle is not None
    with anyio.fail_after(DEADLINE_S):
        return (await wait(handle)).stopped_by


async def now_s(lab: Lab) -> float:
    seconds, micros = await lab.namespace.redis.time()
    return seconds + micros / 1e6


async def test_a_stopped_worker_finishes_its_program_but_not_the_task(lab: Lab) -> None:
    # It beats seldom, so that on waking the end comes first.
    async with worker_process(lab, beat_ms=30_000) as worker:
        task_id = await lab.submit(WAITS)
        await runs(lab, task_id)
        worker.send_signal(signal.SIGSTOP)
        other = await lab.taken_away(task_id)
        (lab.run_folder(task_id) / "tree" / "go").write_text("3")
        assert await exited(lab, task_id) is None

        worker.send_signal(signal.SIGCONT)
        told = await lab.reached(task_id, "fenced")

        assert (told.fields["fence"], told.fields["outcome"]) == ("1", "failed")
        record = await lab.record(task_id)
        assert (record.state, record.fence, record.worker) == ("running", 2, "other")
        finish = Finish(claim=other, outcome=Outcome.SUCCEEDED, exit_code=0)
        assert await Leases(lab.namespace).finish([finish]) == [FinishCode.APPLIED]
        assert (await lab.record(task_id)).exit_code == 0


async def test_an_exclusive_program_is_killed_before_its_lease_can_be_another_s(lab: Lab) -> None:
    async with worker_process(lab, lease_ms=1_500, beat_ms=200) as worker:
        task_id = await lab.submit(WAITS, exclusive="kill")
        await runs(lab, task_id)
        worker.send_signal(signal.SIGSTOP)

        assert await exited(lab, task_id) == "deadline"

        leases = keys.leases(lab.namespace.prefix)
        until_ms = await lab.namespace.redis.zscore(leases, task_id)
        assert until_ms is not None
        assert await now_s(lab) * 1_000 < until_ms
        worker.send_signal(signal.SIGCONT)
        lost = await lab.reached(task_id, "lost")
        assert lost.fields["worker"] == "w1"


async def test_an_exclusive_program_goes_on_as_long_as_its_lease_is_renewed(lab: Lab) -> None:
    async with lab.worker(lease_ms=1_000, beat_ms=100):
        task_id = await lab.submit(WAITS, exclusive="kill")
        await runs(lab, task_id)
        begun_s = await now_s(lab)
        while await now_s(lab) < begun_s + 1.2:
            await look_again()
        (lab.run_folder(task_id) / "tree" / "go").write_text("4")
        [record] = await lab.ended(task_id)

    assert (record.exit_code, record.lost) == (4, 0)


async def test_want_of_memory_is_the_reason_of_a_failure(lab: Lab) -> None:
    script = "import time; mine = b'x' * (200 << 20); time.sleep(600)"
    small = await lab.submit(script, mem_limit_mib=100)
    large = await lab.submit("mine = b'x' * (200 << 20)", mem_limit_mib=2.0**39)

    await lab.work_once()

    [killed, done] = await lab.ended(small, large)
    assert (killed.state, killed.exit_code) == ("failed", 137)
    assert killed.reason == "oom: used more than 100 MiB"
    assert done.state == "succeeded"
    assert "is more than this machine has" in await lab.output(large, "sys")
