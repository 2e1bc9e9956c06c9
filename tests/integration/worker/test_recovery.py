"""A worker that is killed while it runs a task, and the next one of its name."""

import json
import os

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import RqAgentError
from rq_agent.broker.home import below
from rq_agent.broker.keys import TaskId
from rq_agent.broker.retries import RetryPolicy, encode

from ..environment.packages import ends
from .lab import Lab
from .outside import complaint, kill, worker_process

SLEEPER = """
import json, os, subprocess, sys, time
if int(os.environ["RQ_AGENT_FENCE"]) == 1:
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    print(json.dumps([os.getpid(), child.pid]), flush=True)
    time.sleep(600)
print("second time, attempt", os.environ["RQ_AGENT_ATTEMPT"])
"""
WAITER = """
import os
os.mkfifo("go")
print("started", flush=True)
said = open("go").read()
print("went on", flush=True)
raise SystemExit(int(said))
"""


async def started(lab: Lab, script: str) -> TaskId:
    task_id = await lab.submit(script)
    await lab.reached(task_id, "phase", phase="running")
    return task_id


async def is_free(task_id: TaskId, lab: Lab) -> None:
    """Let a task go on, and wait until its shim has written its end."""
    folder = lab.run_folder(task_id)
    shim = int(os.readlink(folder / "shim.1").partition(".")[0])
    await anyio.to_thread.run_sync((folder / "tree" / "go").write_text, "7")
    await ends(shim)


async def test_a_killed_worker_s_task_runs_again_under_the_next_of_its_name(lab: Lab) -> None:
    async with worker_process(lab) as first:
        task_id = await started(lab, SLEEPER)
        await lab.printed(task_id, "]")
        pids = json.loads(await lab.output(task_id))
        await kill(first)

    async with lab.worker("w1"):
        [record] = await lab.ended(task_id)

    assert (record.state, record.fence, record.attempt, record.lost) == ("succeeded", 2, 1, 0)
    assert await lab.output(task_id) == "second time, attempt 1\n"
    for pid in pids:
        await ends(pid)


async def test_an_end_that_nobody_saw_is_tried_again_where_the_policy_says_so(lab: Lab) -> None:
    again = 'import os\nif os.environ["RQ_AGENT_ATTEMPT"] == "2": raise SystemExit(0)\n' + WAITER
    policy = encode(RetryPolicy(retries=1, base_ms=0, exit_codes=(7,)))
    async with worker_process(lab) as first:
        task_id = await lab.submit(again, retry=policy)
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "started")
        await kill(first)
        await is_free(task_id, lab)

    async with lab.worker("w1"):
        [record] = await lab.ended(task_id)

    assert (record.state, record.attempt) == ("succeeded", 2)


async def test_it_goes_back_before_the_tasks_that_came_later(lab: Lab) -> None:
    async with worker_process(lab) as first:
        task_id = await started(lab, SLEEPER)
        later = await lab.submit("print('later')")
        await kill(first)

    async with lab.worker("w1"):
        await lab.ended(task_id, later)

    claimed = [e.task_id for e in await lab.events() if e.event == "claimed"]
    assert claimed == [task_id, task_id, later]


async def test_an_end_that_nobody_saw_is_reported_as_it_was(lab: Lab) -> None:
    async with worker_process(lab) as first:
        task_id = await started(lab, WAITER)
        await lab.printed(task_id, "started")
        await kill(first)
    await is_free(task_id, lab)

    async with lab.worker("w1"):
        [record] = await lab.ended(task_id)

    assert (record.state, record.exit_code, record.fence) == ("failed", 7, 1)


async def test_an_end_counts_also_after_its_lease_ran_out_if_nobody_claimed_the_task(
    lab: Lab,
) -> None:
    async with worker_process(lab) as first:
        task_id = await started(lab, WAITER)
        await lab.printed(task_id, "started")
        await kill(first)
    await is_free(task_id, lab)
    await lab.lease_runs_out(task_id)
    assert (await lab.record(task_id)).state == "queued"

    async with lab.worker("w1"):
        [record] = await lab.ended(task_id)

    assert (record.state, record.exit_code, record.fence, record.lost) == ("failed", 7, 1, 0)


async def test_nobody_runs_the_task_again_before_its_old_process_is_gone(lab: Lab) -> None:
    """The old one ignores SIGTERM, and its grace is longer than two beats."""
    slow = """
        import os, signal, time
        if int(os.environ["RQ_AGENT_FENCE"]) == 1:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print(os.getpid(), flush=True)
            time.sleep(600)
        print("first is alive:", os.path.exists(f"/proc/{os.environ['FIRST']}"))
        """
    async with worker_process(lab) as first:
        task_id = await lab.submit(
            slow.replace("os.environ['FIRST']", "open(os.environ['FIRST']).read()"),
            grace_s=1.5,
            env={"FIRST": str(lab.folder / "first")},
        )
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "\n")
        (lab.folder / "first").write_text((await lab.output(task_id)).strip())
        await kill(first)

    async with lab.worker("w1"), lab.worker("w2"):
        [record] = await lab.ended(task_id)

    assert (record.fence, await lab.output(task_id)) == (2, "first is alive: False\n")


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
