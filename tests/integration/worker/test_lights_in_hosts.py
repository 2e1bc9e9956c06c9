"""Light tasks in real hosts: their worker is killed and replaced, their server comes back empty."""

import json
from typing import Any

import anyio

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId

from . import light_calls
from .lab import Lab
from .outage_stage import OpenLab
from .outside import kill, says, worker_process
from .persistent import PersistentServer

SCRIPT = """
import asyncio

async def stay(word):
    print(word, "runs", flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        print(word, "stops", flush=True)

async def double(n):
    return 2 * n
"""


async def enqueue(lab: Lab, function: str, *arguments: list[Any]) -> list[TaskId]:
    """Add calls of a function of the script."""
    calls = [json.dumps([those, {}]) for those in arguments]
    return await light_calls.enqueue(lab, SCRIPT, function, *calls)


async def test_what_runs_goes_on_under_the_next_session_of_a_killed_worker(lab: Lab) -> None:
    async with worker_process(lab, services=50, slots=0) as worker:
        quick = await enqueue(lab, "double", [1], [2], [3])
        stay, other = await enqueue(lab, "stay", ["one"], ["two"])
        await lab.reached(other, "claimed")
        await lab.printed(stay, "one runs")
        await lab.printed(other, "two runs")
        await lab.ended(*quick)
        await kill(worker)
    async with lab.worker(services=50, slots=0) as signals:
        await lab.worker_is("w1", "busy")
        await lab.cancel(stay)
        [record] = await lab.ended(stay)
        signals.drain("the test says so")
        await lab.cancel(other)
        [following] = await lab.ended(other)

    redis, prefix = lab.namespace.redis, lab.namespace.prefix
    assert [await redis.get(keys.result(prefix, task_id)) for task_id in quick] == [
        b"2",
        b"4",
        b"6",
    ]
    assert (record.state, record.fence, record.lost) == ("cancelled", 1, 0)
    assert (following.state, following.fence) == ("cancelled", 1)
    assert await lab.output(stay) == "one runs\none stops\n"


async def test_what_runs_is_there_again_in_a_server_that_came_back_empty(
    server: PersistentServer, look: OpenLab
) -> None:
    nothing = server.remember()
    async with look() as lab, worker_process(lab, services=50, slots=0):
        (task_id,) = await enqueue(lab, "stay", ["one"])
        await lab.reached(task_id, "claimed")
        await lab.printed(task_id, "one runs")
        before = await lab.record(task_id)
        server.kill()
        server.roll_back(nothing)
        server.start()
        async with look() as lab:
            await lab.reached(task_id, "recreated")
            await lab.cancel(task_id)
            with anyio.fail_after(30):
                [record] = await lab.ended(task_id)

    assert (record.state, record.fence) == ("cancelled", 1)
    for field in ("name", "user", "queue", "created_at", "definition"):
        assert getattr(record, field) == getattr(before, field), field


async def test_a_worker_that_starts_without_a_server_waits_for_it_beside_its_hosts(
    server: PersistentServer, look: OpenLab
) -> None:
    async with look() as lab:
        async with worker_process(lab, services=50, slots=0) as first:
            (task_id,) = await enqueue(lab, "stay", ["one"])
            await lab.reached(task_id, "claimed")
            await lab.printed(task_id, "one runs")
            server.kill()
            await kill(first)
        async with worker_process(lab, is_heard=True, services=50, slots=0) as second:
            await says(second, "an earlier session left hosts of light tasks running")
            server.start()
            async with look() as lab:
                await lab.worker_is("w1", "busy")
                await lab.cancel(task_id)
                [record] = await lab.ended(task_id)

    assert (record.state, record.fence, record.lost) == ("cancelled", 1, 0)
