"""Keys of another type, odd messages, a trust file that anybody may write: the worker goes on."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.needs import Need, shape_id

from .lab import Lab
from .tampering import KeyOf, put, put_list, remove
from .victims import Victim, outcome


async def test_a_record_of_another_type_does_not_stop_its_queue(lab: Lab) -> None:
    bad = await lab.submit("print('never')")
    await put_list(lab, keys.task, bad)

    await outcome(lab, bad)

    assert [e.event for e in await lab.events() if e.task_id == bad] == ["enqueued", "ghost"]
    await remove(lab, keys.task, bad)


@pytest.mark.parametrize("key", [keys.extra, keys.history])
async def test_side_records_of_another_type_change_nothing_for_the_task(
    lab: Lab, key: KeyOf
) -> None:
    task_id = await lab.submit("import argparse; argparse.ArgumentParser().parse_args()")
    await put(lab, key, task_id, b"odd")

    await outcome(lab, task_id)
    await remove(lab, key, task_id)

    assert (await lab.record(task_id)).exit_code == 0


async def test_a_log_of_another_type_costs_the_log_only(lab: Lab) -> None:
    task_id = await lab.submit("print('unheard')")
    key = keys.log(lab.namespace.prefix, task_id, 1)
    await lab.namespace.redis.set(key, "odd")

    record = await outcome(lab, task_id)

    assert record.exit_code == 0
    await lab.namespace.redis.delete(key)


@pytest.mark.parametrize("grace", ["9" * 5_000, "-1", "soon", "1e9"])
async def test_a_cancel_with_an_odd_grace_stops_the_task_and_not_the_worker(
    lab: Lab, grace: str
) -> None:
    async with lab.worker():
        bad = await lab.submit("import time; print('started', flush=True); time.sleep(600)")
        await lab.reached(bad, "phase", phase="running")
        inbox = keys.inbox(lab.namespace.prefix, "w1")
        await lab.namespace.redis.xadd(inbox, {"c": "cancel", "id": bad, "g": grace})
        await lab.namespace.redis.xadd(inbox, {b"\xff": b"\xff"})
        [record] = await lab.ended(bad)

        assert (await lab.ended(await lab.submit("print('still here')")))[0].exit_code == 0

    assert record.state == "cancelled"


async def test_a_queue_that_somebody_overwrote_stops_nothing_that_runs(lab: Lab) -> None:
    async with lab.worker(slots=2):
        running = await lab.submit(
            "import os; os.mkfifo('go'); print('started', flush=True); print(open('go').read())"
        )
        await lab.reached(running, "phase", phase="running")
        await lab.printed(running, "started")
        line = keys.ready(lab.namespace.prefix, "default", shape_id(Need()))
        await lab.namespace.redis.set(line, "odd")
        await lab.namespace.redis.sadd(
            keys.ready_queues(lab.namespace.prefix, shape_id(Need())), "default"
        )
        await wake(lab, "w1")
        await lab.reached_beat("w1")
        (lab.run_folder(running) / "tree" / "go").write_text("went on")
        [record] = await lab.ended(running)
        await lab.namespace.redis.delete(line)
        [after] = await lab.ended(await lab.submit("print('claimed again')"))

    assert (record.state, after.state) == ("succeeded", "succeeded")


async def wake(lab: Lab, worker: str) -> None:
    """Make a worker ask for tasks."""
    inbox = keys.inbox(lab.namespace.prefix, worker)
    await lab.namespace.redis.xadd(inbox, {"c": "wake"})


async def test_a_trust_file_that_others_may_write_ends_the_worker_and_not_the_task(
    lab: Lab,
) -> None:
    victim = Victim(lab)
    task_id = await lab.submit(victim.script)
    (lab.home.config / "trust.json").chmod(0o666)

    await lab.work()

    record = await lab.record(task_id)
    assert (record.state, record.attempt, record.lost) == ("queued", 1, 0)
    assert not victim.ran
