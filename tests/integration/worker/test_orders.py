"""The order in which workers take tasks, read from the event stream."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need

from .lab import Lab


async def claimed_queues(lab: Lab) -> list[str]:
    return [e.fields["queue"] for e in await lab.events() if e.event == "claimed"]


async def submit_many(lab: Lab, queue: str, count: int) -> list[TaskId]:
    script = lab.script("print('done')")
    return [await lab.submit(script, queue=queue) for _ in range(count)]


async def run_with_workers(lab: Lab, ids: Sequence[TaskId], count: int, **options: object) -> None:
    async with AsyncExitStack() as stack:
        for number in range(count):
            await stack.enter_async_context(lab.worker(f"w{number}", **options))
        await lab.ended(*ids)


async def test_strict_order_empties_high_before_low_whoever_asks(lab: Lab) -> None:
    low = await submit_many(lab, "low", 20)
    high = await submit_many(lab, "high", 20)

    await run_with_workers(lab, [*low, *high], 3, queues=("high", "low"), mode="priority")

    assert await claimed_queues(lab) == ["high"] * 20 + ["low"] * 20
    claimed = [e.task_id for e in await lab.events() if e.event == "claimed"]
    assert claimed == [*high, *low]


async def test_round_robin_serves_three_queues_in_turn(lab: Lab) -> None:
    ids = [task_id for queue in ("a", "b", "c") for task_id in await submit_many(lab, queue, 6)]

    await run_with_workers(lab, ids, 2, queues=("a", "b", "c"), mode="round-robin")

    assert await claimed_queues(lab) == ["a", "b", "c"] * 6


async def test_weights_share_out_the_turns(lab: Lab) -> None:
    ids = [*await submit_many(lab, "a", 12), *await submit_many(lab, "b", 12)]

    await run_with_workers(lab, ids, 2, queues=("a", "b"), mode="weighted:3,1")

    first = (await claimed_queues(lab))[:16]
    assert (first.count("a"), first.count("b")) == (12, 4)


async def test_gpu_tasks_never_wait_behind_tasks_that_need_none(lab: Lab) -> None:
    sleeper = lab.script("import time; print('started', flush=True); time.sleep(600)")
    plain = [await lab.submit(sleeper) for _ in range(4)]
    gpu = lab.script("import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")

    async with lab.worker("plain"), lab.worker("gpus", gpus=("0", "1")) as signals:
        await lab.reached(plain[0], "phase", phase="running")
        await lab.reached(plain[1], "phase", phase="running")
        needs_one = [await lab.submit(gpu, need=Need(gpus=1)) for _ in range(3)]
        needs_two = await lab.submit(gpu, need=Need(gpus=2))
        records = await lab.ended(*needs_one, needs_two)

        assert {r.worker for r in records} == {"gpus"}
        assert {r.exit_code for r in records} == {0}
        assert await lab.output(needs_two) == "0,1\n"
        assert {await lab.output(t) for t in needs_one} <= {"0\n", "1\n"}
        assert (await lab.record(plain[2])).state == "queued"
        signals.drain("enough seen")
        for task_id in plain:
            await lab.cancel(task_id)


async def test_a_task_without_gpus_sees_none_of_the_worker_s(lab: Lab) -> None:
    task_id = await lab.submit("import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))")

    async with lab.worker(gpus=("0",)):
        await lab.ended(task_id)

    assert await lab.output(task_id) == "''\n"


async def test_a_worker_runs_as_many_at_once_as_it_has_slots(lab: Lab) -> None:
    script = lab.script("import time; print('started', flush=True); time.sleep(600)")
    ids = [await lab.submit(script) for _ in range(3)]

    async with lab.worker(slots=2):
        await lab.reached(ids[0], "phase", phase="running")
        await lab.reached(ids[1], "phase", phase="running")
        third = (await lab.record(ids[2])).state
        for task_id in ids:
            await lab.cancel(task_id)
        records = await lab.ended(*ids)

    assert third == "queued"
    assert {r.state for r in records} == {"cancelled"}


async def test_max_tasks_ends_a_worker(lab: Lab) -> None:
    ids = await submit_many(lab, "default", 3)

    async with lab.worker(max_tasks=2):
        await lab.ended(*ids[:2])

    assert (await lab.record(ids[2])).state == "queued"


async def test_a_worker_that_is_to_run_once_leaves_when_nothing_is_ready(lab: Lab) -> None:
    ids = await submit_many(lab, "default", 3)

    await lab.work_once()

    assert {r.state for r in await lab.ended(*ids)} == {"succeeded"}
    assert await lab.workers() == []


async def test_an_idle_worker_is_woken_by_the_next_task(lab: Lab) -> None:
    async with lab.worker():
        first = await lab.submit("print(1)")
        await lab.ended(first)
        second = await lab.submit("print(2)")
        [record] = await lab.ended(second)

    assert record.state == "succeeded"


async def test_an_idle_worker_leaves_after_its_timeout(lab: Lab) -> None:
    await lab.work(idle_timeout_s=0.3)

    assert await lab.workers() == []
