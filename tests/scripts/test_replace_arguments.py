"""What was signed of a draft is replaced only if nobody else did meanwhile."""

from typing import Any

import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import encode, shape_id
from rq_agent.broker.new_task import Condition, Parent
from rq_agent.broker.tasks import Tasks

from .steps import (
    CPU,
    GPU,
    add,
    beat,
    claim,
    claim_one,
    extra,
    fields,
    finish,
    history,
    line,
    lose,
    running,
    state,
    tick,
)


async def replace(
    namespace: Namespace, task_id: TaskId, *, old: bytes = b"signed", timeout_ms: int = 0
) -> list[bytes]:
    params = msgspec.json.encode({"lr": "1"})
    answer: list[bytes] = await namespace.scripts.replace_arguments(
        [task_id, old, b"anew", shape_id(GPU), encode(GPU), timeout_ms, params]
    )
    return answer


async def test_arguments_and_what_is_told_of_them_change_together(namespace: Namespace) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, is_draft=True, timeout_ms=5, params={"lr": "0"})

    assert await replace(namespace, task_id) == [b"replaced"]

    assert await namespace.redis.get(keys.arguments(p, task_id)) == b"anew"
    stored = await fields(namespace, task_id)
    assert (stored["shape"], stored.get("timeout_ms")) == (shape_id(GPU), None)
    assert await namespace.redis.hget(keys.shapes(p), shape_id(GPU)) == encode(GPU)
    assert (await extra(namespace, task_id))["params"] == '{"lr":"1"}'
    assert await history(namespace, task_id) == ["drafted", "edited"]


async def test_no_parameters_are_told_as_none(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, is_draft=True, params={"lr": "0"})

    await namespace.scripts.replace_arguments(
        [task_id, b"signed", b"anew", shape_id(CPU), encode(CPU), 0, b""]
    )

    assert "params" not in await extra(namespace, task_id)


async def test_a_timeout_is_told(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, is_draft=True)

    await replace(namespace, task_id, timeout_ms=7)

    assert (await fields(namespace, task_id))["timeout_ms"] == "7"


@pytest.mark.parametrize("content", ["other", "none", "another type"])
async def test_an_envelope_that_is_another_by_now_stays(namespace: Namespace, content: str) -> None:
    (task_id,) = await add(namespace, is_draft=True)
    key = keys.arguments(namespace.prefix, task_id)
    if content != "other":
        await namespace.redis.delete(key)
    if content == "another type":
        await namespace.redis.rpush(key, "signed")
    before = await fields(namespace, task_id)

    old = b"older" if content == "other" else b"signed"
    assert await replace(namespace, task_id, old=old) == [b"changed"]

    assert await fields(namespace, task_id) == before
    if content == "another type":
        await namespace.redis.delete(key)


@pytest.mark.parametrize("now", ["running", "cancelled"])
async def test_only_a_task_that_has_not_begun_is_changed(namespace: Namespace, now: str) -> None:
    (task_id,) = await add(namespace)
    if now == "running":
        await claim_one(namespace)
    else:
        await Tasks(namespace).cancel(task_id)

    assert await replace(namespace, task_id) == [b"state", now.encode()]

    assert await namespace.redis.get(keys.arguments(namespace.prefix, task_id)) == b"signed"
    assert (await fields(namespace, task_id))["shape"] == shape_id(CPU)


async def test_a_queued_task_keeps_its_place_among_those_of_its_new_shape(
    namespace: Namespace,
) -> None:
    first, second, third = await add(namespace, 3)
    await add(namespace, 2, need=GPU)

    for task_id in (third, first):
        await replace(namespace, task_id)

    assert await line(namespace) == [second]
    assert (await line(namespace, need=GPU))[:2] == [first, third]
    record = await Lookups(namespace).record(first)
    assert (record.position, record.needs) == (1, GPU)
    claimed = await claim(namespace, needs=(GPU,), limit=9)
    assert [c.task_id for c in claimed.claims][:2] == [first, third]


async def test_a_worker_that_waits_for_the_new_shape_is_woken(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    await beat(namespace)
    await claim(namespace, needs=(GPU,), park=True)
    p = namespace.prefix
    assert await namespace.redis.xlen(keys.inbox(p, "w")) == 0

    await replace(namespace, task_id)

    assert await namespace.redis.xlen(keys.inbox(p, "w")) == 1
    assert await namespace.redis.smembers(keys.ready_queues(p, shape_id(CPU))) == set()


@pytest.mark.parametrize("now", ["delayed", "waiting"])
async def test_a_task_that_waits_for_something_goes_on_with_its_new_shape(
    namespace: Namespace, now: str
) -> None:
    (parent,) = await add(namespace, queue="other")
    rest: dict[str, Any] = {"parents": (Parent(parent, Condition.ANY),)}
    (task_id,) = await add(namespace, **(rest if now == "waiting" else {"delay_ms": 60_000}))

    await replace(namespace, task_id)

    if now == "waiting":
        await Tasks(namespace).cancel(parent)
    else:
        await namespace.redis.zadd(keys.delayed(namespace.prefix), {task_id: 1}, xx=True)
        await tick(namespace)
    assert await line(namespace, need=GPU) == [task_id]
    assert await line(namespace) == []


async def test_a_blocked_task_comes_back_with_its_new_shape(namespace: Namespace) -> None:
    first, second = await add(namespace, 2, concurrency_key="k")
    held = await claim_one(namespace, limit=2)
    assert (held.task_id, await state(namespace, second)) == (first, "blocked")

    await replace(namespace, second)
    shapes = await namespace.redis.smembers(keys.queue_shapes(namespace.prefix, "q"))
    assert shape_id(GPU).encode() in set(shapes)
    await finish(namespace, held, "succeeded")

    assert await line(namespace, need=GPU) == [second]


async def test_a_claim_that_was_lost_before_can_not_end_what_was_edited_since(
    namespace: Namespace,
) -> None:
    token = await running(namespace)
    await lose(namespace, token.task_id)
    [envelope] = [await namespace.redis.get(keys.arguments(namespace.prefix, token.task_id))]
    assert isinstance(envelope, bytes)

    assert await replace(namespace, token.task_id) == [b"replaced"]

    assert await finish(namespace, token, "succeeded") == FinishCode.FENCED
    assert await state(namespace, token.task_id) == "queued"


async def test_a_task_that_does_not_exist_gets_nothing(namespace: Namespace) -> None:
    task_id = TaskId("0" * 16)

    assert await replace(namespace, task_id) == [b"missing"]

    assert not await namespace.redis.exists(keys.arguments(namespace.prefix, task_id))
