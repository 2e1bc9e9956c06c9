"""What becomes of a task whose worker was killed, where its program does not go on."""

from typing import Any

import anyio
import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import RqAgentError
from rq_agent.broker.history import history
from rq_agent.broker.home import below
from rq_agent.broker.keys import TaskId
from rq_agent.broker.retries import RetryPolicy, encode

from ..environment.packages import ends
from .lab import Lab
from .left_behind import SLEEPER, WAITER, left_behind
from .outside import complaint, kill, worker_process

SCRIPT = "print('ran')"
PHASES = [
    ("process.journal:Journal.claimed before", 2, (0,)),
    ("process.journal:Journal.claimed after", 2, (1,)),
    ("snapshots:Snapshots.put before", 2, (0, 1)),  # while the claim is written down
    ("process.launcher:Launcher.start before", 2, (1,)),
    ("process.launcher:Launcher.start after", 1, (0,)),
    ("process.journal:Journal.started after", 1, (0,)),
    ("finisher:Finisher.deliver before", 1, (0,)),
    ("finisher:Finisher.deliver after", 1, (0,)),
    ("process.journal:Journal.ended before", 1, (0,)),
]
"""Where the worker dies, which claim of the task counts then, how often it may be lost."""


@pytest.mark.parametrize(("dies", "fence", "lost"), PHASES)
async def test_a_worker_may_die_at_any_point(
    lab: Lab, dies: str, fence: int, lost: tuple[int, ...]
) -> None:
    async with worker_process(lab, dies=f"rq_agent.worker.{dies}") as first:
        task_id = await lab.submit(SCRIPT)
        with anyio.fail_after(30):
            await first.wait()
    async with lab.worker("w1"):
        [record] = await lab.ended(task_id)

    assert (record.state, record.fence) == ("succeeded", fence)
    assert record.lost in lost
    assert await lab.output(task_id) == "ran\n"
    assert [e.fields.get("state") for e in await lab.events()].count("succeeded") == 1


async def told(lab: Lab, task_id: TaskId) -> list[str]:
    """Return the history of a task."""
    return [f"{s.event} {s.detail}" for s in await history(lab.namespace, task_id)]


async def test_what_died_with_its_worker_is_lost_and_runs_again(lab: Lab) -> None:
    async with left_behind(lab, SLEEPER) as left:
        pids = await left.pids()
        await left.kill_shim()
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.fence, record.attempt, record.lost) == ("succeeded", 2, 1, 1)
    assert "lost w1 worker and supervisor were killed" in await told(lab, left.task_id)
    for pid in pids:
        await ends(pid)


async def test_it_goes_back_before_the_tasks_that_came_later(lab: Lab) -> None:
    async with left_behind(lab, SLEEPER) as left:
        later = await lab.submit("print('later')")
        await left.kill_shim()
        async with lab.worker("w1"):
            await lab.ended(left.task_id, later)

    claimed = [e.task_id for e in await lab.events() if e.event == "claimed"]
    assert claimed == [left.task_id, left.task_id, later]


ALONE = """
import os, time
print("begins", flush=True)
if os.environ["RQ_AGENT_FENCE"] == "1":
    time.sleep(600)
"""


def of_another_boot(line: dict[str, Any]) -> None:
    if line["event"] == "started":
        line["handle"]["boot_id"] = "another"


async def test_a_restart_of_the_machine_is_not_charged(lab: Lab) -> None:
    async with left_behind(lab, ALONE) as left:
        await left.kill_shim()
        left.change(of_another_boot)
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.fence, record.attempt, record.lost) == ("succeeded", 2, 1, 0)
    assert "release the machine was restarted" in await told(lab, left.task_id)


async def test_an_end_before_the_machine_restarted_is_told_as_it_was(lab: Lab) -> None:
    async with left_behind(lab) as left:
        await left.end()
        left.change(of_another_boot)
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.exit_code, record.fence) == ("failed", 7, 1)


async def test_an_end_that_can_t_be_read_is_infrastructure(lab: Lab) -> None:
    async with left_behind(lab) as left:
        await left.end()
        (left.folder / "exit.json").write_text('{"code": 0, "sig')
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert record.state == "errored"
    assert "exit.json is damaged" in record.reason


async def test_an_attempt_whose_folder_is_gone_is_lost(lab: Lab) -> None:
    async with left_behind(lab, SLEEPER) as left:
        await left.kill_shim()
        left.folder.rename(left.folder.with_name("elsewhere"))
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.fence, record.lost) == ("succeeded", 2, 1)


async def test_an_end_that_nobody_saw_is_tried_again_where_the_policy_says_so(lab: Lab) -> None:
    again = 'import os\nif os.environ["RQ_AGENT_ATTEMPT"] == "2": raise SystemExit(0)\n' + WAITER
    policy = encode(RetryPolicy(retries=1, base_ms=0, exit_codes=(7,)))
    async with left_behind(lab, again, retry=policy) as left:
        await left.end()
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.attempt) == ("succeeded", 2)


async def test_an_end_that_nobody_saw_is_reported_as_it_was(lab: Lab) -> None:
    async with left_behind(lab) as left:
        await left.end()
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.exit_code, record.fence) == ("failed", 7, 1)


async def test_an_end_counts_also_after_its_lease_ran_out_if_nobody_claimed_the_task(
    lab: Lab,
) -> None:
    async with left_behind(lab) as left:
        await left.end()
        await lab.lease_runs_out(left.task_id)
        assert (await lab.record(left.task_id)).state == "queued"
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.exit_code, record.fence, record.lost) == ("failed", 7, 1, 0)


async def test_a_task_that_was_being_prepared_is_given_back(lab: Lab) -> None:
    project = lab.script("import time; time.sleep(600)", "setup.py").parent
    async with worker_process(lab) as first:
        task_id = await lab.submit("print('built')", packages=(f"slow @ {project.as_uri()}",))
        await lab.reached(task_id, "phase", phase="environment")
        await kill(first)
    (project / "setup.py").write_text("from setuptools import setup; setup(name='slow')")

    async with lab.worker("w1"):
        [record] = await lab.ended(task_id)

    assert (record.state, record.fence, record.attempt) == ("succeeded", 2, 1)


async def test_a_second_live_worker_of_a_name_is_refused(lab: Lab) -> None:
    async with worker_process(lab) as first:
        await lab.worker_is("w1", "idle")
        async with worker_process(lab, is_heard=True) as second:
            said = await complaint(second)
        still = await lab.submit("print('the first goes on')")
        [record] = await lab.ended(still)

    assert second.returncode == 1
    assert f"worker w1 runs already on this machine (pid {first.pid})" in said
    assert "another --name" in said
    assert record.state == "succeeded"


async def test_a_second_live_worker_of_a_name_is_refused_also_from_another_home(lab: Lab) -> None:
    other_home = below(lab.folder / "elsewhere")
    elsewhere = Lab(lab.url, lab.namespace, lab.blocking, other_home, lab.pair, lab.folder)
    async with lab.worker("w1"):
        await lab.worker_is("w1", "idle")

        with pytest.raises(RqAgentError, match=r"w1 runs already on .* another --name"):
            await elsewhere.work("w1")

        [record] = await lab.ended(await lab.submit("print('the first goes on')"))
    assert record.state == "succeeded"


async def test_a_worker_that_died_on_another_machine_is_waited_for(lab: Lab) -> None:
    prefix, redis = lab.namespace.prefix, lab.namespace.redis
    now_s, _ = await redis.time()
    await redis.zadd(keys.workers(prefix), {"w1": now_s * 1000 + 1_500})
    await redis.hset(keys.worker(prefix, "w1"), mapping={"host": "far", "place": "there"})

    with anyio.fail_after(20):
        await lab.work("w1", once=True)

    assert await lab.workers() == []
