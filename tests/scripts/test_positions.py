"""positions.lua: places of queued tasks."""

from typing import Any

import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys, reading
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id

from .steps import CPU, GPU, add, fields


async def test_places_count_all_shapes_of_a_queue_by_score(namespace: Namespace) -> None:
    ids = await add(namespace, 3) + await add(namespace, 2, need=GPU, priority=1)
    ids += await add(namespace, 2, queue="r") + await add(namespace, need=GPU)
    asked: list[str] = []
    for task_id in ids:
        stored = await fields(namespace, task_id)
        asked += [stored["queue"], stored["order"]]

    assert await namespace.scripts.positions(asked) == [3, 4, 5, 1, 2, 1, 2, 6]


async def test_more_tasks_than_one_call_takes_have_their_places(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_LOCATED", 2)
    ids = await add(namespace, 5)

    assert [r.position for r in await Lookups(namespace).records(ids)] == [1, 2, 3, 4, 5]


async def test_a_key_that_holds_something_else_counts_for_nothing(namespace: Namespace) -> None:
    ids = await add(namespace, 2)
    await add(namespace, need=GPU)
    broken = keys.ready(namespace.prefix, "q", shape_id(GPU))
    await namespace.redis.delete(broken)
    await namespace.redis.set(broken, "garbage")
    order = (await fields(namespace, ids[1]))["order"]

    answer: Any = await namespace.scripts.positions(["q", order, "none", order])

    assert answer == [2, 1]
    await namespace.redis.delete(broken)


async def test_places_are_told_by_a_server_that_only_reads(namespace: Namespace) -> None:
    ids = await add(namespace, 2, need=CPU)
    order = (await fields(namespace, ids[1]))["order"]
    redis: Any = namespace.redis
    text = namespace.scripts.positions.text
    try:
        answer = await redis.execute_command("EVAL_RO", text, 1, namespace.prefix, "q", order)
    except ResponseError as e:
        if "unknown command" not in str(e).lower():  # Redis 6.2, fakeredis
            raise
        answer = await namespace.scripts.positions(["q", order])

    assert answer == [2]
