import json
from typing import Any

import pytest

from rq_agent.broker import held_back, keys
from rq_agent.broker.errors import SelectorError
from rq_agent.broker.ids import encode
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.queues import read_queue
from rq_agent.broker.tasks import NewTask, Tasks

from .steps import add, beat, claim, enqueue, new_task


def new(number: int, *, queue: str, gpus: int = 0) -> NewTask:
    return new_task(id=encode(number), queue=queue, need=Need(gpus=gpus))


async def test_a_namespace_without_tasks_has_no_queue(namespace: Namespace) -> None:
    assert await Lookups(namespace).queues() == []


async def test_a_queue_counts_what_waits_in_all_shapes_and_what_runs(namespace: Namespace) -> None:
    await enqueue(
        namespace,
        new(1, queue="low"),
        new(2, queue="high"),
        new(3, queue="low", gpus=1),
        new(4, queue="low"),
    )
    await claim(namespace, "low")

    high, low = await Lookups(namespace).queues()

    assert (high.name, high.waiting, high.running) == ("high", 1, 0)
    assert (low.name, low.waiting, low.running) == ("low", 2, 1)
    assert low.oldest_wait_s is not None
    assert 0 <= low.oldest_wait_s < 60


async def test_a_queue_shows_its_settings_and_an_empty_one_has_no_oldest(
    namespace: Namespace,
) -> None:
    await enqueue(namespace, new(1, queue="low"))
    await Tasks(namespace).cancel(encode(1))
    settings: dict[Any, Any] = {
        "paused": "1",
        "max_running": "3",
        "weight": "2.5",
        "description": "nights",
    }
    await namespace.redis.hset(keys.queue(namespace.prefix, "low"), mapping=settings)

    (low,) = await Lookups(namespace).queues()

    assert (low.paused, low.max_running, low.weight) == (True, 3, 2.5)
    assert low.description == "nights"
    assert (low.waiting, low.oldest_wait_s) == (0, None)


async def test_settings_that_make_no_sense_read_as_none(namespace: Namespace) -> None:
    await enqueue(namespace, new(1, queue="low"))
    settings: dict[Any, Any] = {"paused": "yes", "max_running": "many", "weight": "heavy"}
    await namespace.redis.hset(keys.queue(namespace.prefix, "low"), mapping=settings)

    (low,) = await Lookups(namespace).queues()

    assert (low.paused, low.max_running, low.weight) == (False, None, 1.0)


async def test_hostile_times_and_members_break_no_list(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (task,) = [new(1, queue="low")]
    await enqueue(namespace, task)
    huge = "9" * 5_000
    await redis.hset(keys.queue(p, "low"), "max_running", huge)
    await redis.hset(keys.task(p, task.id), "queued_ms", huge)
    await redis.zadd(keys.ready(p, "low", shape_id(task.need)), {b"\xff": 1})
    await redis.zadd(keys.workers(p), {"immortal": "+inf"})

    (low,) = await Lookups(namespace).queues()

    assert (low.waiting, low.max_running, low.oldest_wait_s) == (2, None, None)


async def test_a_queue_names_the_live_workers_that_take_from_it(namespace: Namespace) -> None:
    await enqueue(namespace, new(1, queue="low"), new(2, queue="high"))
    for worker, queues in (("a", ["low"]), ("b", ["high", "low"])):
        await beat(namespace, worker=worker, facts={"queues": json.dumps(queues)})

    high, low = await Lookups(namespace).queues()

    assert (high.workers, low.workers) == (("b",), ("a", "b"))


async def test_a_queue_counts_what_is_not_in_line_apart(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await add(namespace, 2, queue="low", delay_ms=60_000)
    await add(namespace, queue="high", delay_ms=60_000)
    ids = await add(namespace, 3, queue="high")
    await redis.zadd(keys.index(p, "state", "waiting"), {ids[0]: 0})
    await redis.zadd(keys.index(p, "state", "blocked"), {ids[1]: 0, ids[2]: 0})

    high, low = await Lookups(namespace).queues()

    assert (low.delayed, low.waiting_for_parents, low.blocked, low.waiting) == (2, 0, 0, 0)
    assert (high.delayed, high.waiting_for_parents, high.blocked, high.waiting) == (1, 1, 2, 3)
    assert high.is_exact


async def test_many_delayed_tasks_are_counted_up_to_a_bound_and_it_says_so(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(namespace, 4, queue="low", delay_ms=60_000)
    monkeypatch.setattr(held_back, "LOOKED_AT", 4)
    (exact,) = await Lookups(namespace).queues()
    monkeypatch.setattr(held_back, "LOOKED_AT", 3)
    (bounded,) = await Lookups(namespace).queues()

    assert (exact.delayed, exact.is_exact) == (4, True)
    assert (bounded.delayed, bounded.is_exact) == (3, False)


async def test_keys_of_another_type_break_no_list_of_queues(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (task_id,) = await add(namespace, queue="low", delay_ms=60_000)
    ours = [keys.queue(p, "low"), keys.running(p, "low"), keys.task(p, task_id)]
    ours.append(keys.index(p, "state", "blocked"))
    for key in ours:
        await redis.delete(key)
        await redis.set(key, "mine")

    (low,) = await Lookups(namespace).queues()

    assert (low.name, low.running, low.delayed, low.blocked) == ("low", 0, 0, 0)
    await redis.delete(*ours)


async def test_one_queue_is_found_by_its_name_and_another_gets_a_hint(namespace: Namespace) -> None:
    await add(namespace, queue="nightly")

    assert (await read_queue(namespace, "nightly")).waiting == 1
    with pytest.raises(SelectorError, match="no queue is named nigthly; did you mean nightly"):
        await read_queue(namespace, "nigthly")
    with pytest.raises(SelectorError, match="see rq-agent queue ls"):
        await read_queue(namespace, "x")
