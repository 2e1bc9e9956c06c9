"""What was signed of a draft is replaced only if nobody else did meanwhile."""

import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import encode, shape_id
from rq_agent.broker.tasks import Tasks

from .steps import CPU, GPU, add, claim_one, extra, fields, history


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


@pytest.mark.parametrize("now", ["queued", "running", "cancelled"])
async def test_only_a_draft_is_changed(namespace: Namespace, now: str) -> None:
    (task_id,) = await add(namespace)
    if now == "running":
        await claim_one(namespace)
    elif now == "cancelled":
        await Tasks(namespace).cancel(task_id)

    assert await replace(namespace, task_id) == [b"state", now.encode()]

    assert await namespace.redis.get(keys.arguments(namespace.prefix, task_id)) == b"signed"
    assert (await fields(namespace, task_id))["shape"] == shape_id(CPU)


async def test_a_task_that_does_not_exist_gets_nothing(namespace: Namespace) -> None:
    task_id = TaskId("0" * 16)

    assert await replace(namespace, task_id) == [b"missing"]

    assert not await namespace.redis.exists(keys.arguments(namespace.prefix, task_id))
