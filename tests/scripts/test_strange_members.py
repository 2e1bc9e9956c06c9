"""Members of an index that have no business there: they leave it, and nothing else happens."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id
from rq_agent.broker.orders import Profile, parse

from .steps import (
    CPU,
    add,
    beat,
    claim,
    claim_one,
    events,
    fields,
    finish,
    members,
    messages,
    now_ms,
    running,
    state,
    tick,
)


async def strange(ns: Namespace, kind: str) -> str:
    """Return the id of a task that is ready, that ended, or that does not exist."""
    if kind == "missing":
        await add(ns, delay_ms=3_600_000)  # fakeredis can't tick where there are no shapes
        return "nobody"
    (task_id,) = await add(ns)
    if kind == "final":
        await finish(ns, await claim_one(ns), "succeeded")
    return task_id


KINDS = pytest.mark.parametrize("kind", ["queued", "final", "missing"])


@KINDS
async def test_what_is_not_delayed_is_not_promoted(namespace: Namespace, kind: str) -> None:
    delayed = keys.delayed(namespace.prefix)
    await add(namespace, delay_ms=3_600_000)  # so that the key stays
    task_id = await strange(namespace, kind)
    before = await fields(namespace, TaskId(task_id))
    await namespace.redis.zadd(delayed, {task_id: 1})

    ticked = await tick(namespace)

    assert ticked.promoted == 0
    assert task_id not in await members(namespace, delayed)
    assert await fields(namespace, TaskId(task_id)) == before
    assert await events(namespace, "promoted") == []


@pytest.mark.parametrize("kind", ["final", "missing"])
async def test_what_does_not_wait_does_not_expire(namespace: Namespace, kind: str) -> None:
    deadlines = keys.deadlines(namespace.prefix)
    task_id = await strange(namespace, kind)
    before = await fields(namespace, TaskId(task_id))
    await namespace.redis.zadd(deadlines, {task_id: 1})

    ticked = await tick(namespace)

    assert ticked.expired == 0
    assert await members(namespace, deadlines) == []
    assert await fields(namespace, TaskId(task_id)) == before


@KINDS
async def test_what_does_not_run_is_not_given_back(namespace: Namespace, kind: str) -> None:
    task_id = await strange(namespace, kind)
    before = await fields(namespace, TaskId(task_id))
    held = keys.held(namespace.prefix, "w")
    for _ in range(2):
        await beat(namespace)
    await namespace.redis.sadd(held, task_id)
    await namespace.redis.zadd(keys.leases(namespace.prefix), {"another": await now_ms(namespace)})

    told = await beat(namespace)

    assert told.given_back == ()
    assert not await namespace.redis.exists(held)
    assert await fields(namespace, TaskId(task_id)) == before
    assert await events(namespace, "given_back") == []
    await namespace.redis.zrem(keys.leases(namespace.prefix), "another")


async def test_a_task_that_was_given_back_names_no_worker(namespace: Namespace) -> None:
    claim = await running(namespace)
    for _ in range(2):
        await beat(namespace)
    await namespace.redis.zadd(keys.leases(namespace.prefix), {claim.task_id: 1_000})

    await beat(namespace)

    assert await state(namespace, claim.task_id) == "queued"
    assert not {"worker", "phase", "started_ms"} & (await fields(namespace, claim.task_id)).keys()


async def test_what_is_no_worker_is_not_woken_in_place_of_one(namespace: Namespace) -> None:
    await running(namespace, worker="v")  # the shape is known from here on
    await claim(namespace, worker="w", park=True)
    profile = Profile(order=parse("priority", ["q"]), shapes=(shape_id(CPU),)).id
    idle = keys.idle(namespace.prefix, profile)
    await namespace.redis.zadd(idle, {"nobody": float("inf"), "": float("inf")})

    await add(namespace)

    assert await messages(namespace) == [{"c": "wake", "q": "q"}]
    assert await members(namespace, idle) == []
    assert [e["worker"] for e in await events(namespace, "ghost")] == ["nobody", ""]
    assert not await namespace.redis.exists(keys.inbox(namespace.prefix, "nobody"))
