"""Results are kept within their size and for their time, and what is not there is explained."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.errors import TaskError, TaskNotFound, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import MAX_RESULT_BYTES
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.results import Results

from .steps import add, claim_one, finish, running, state


async def test_a_result_is_read_as_it_was_written(namespace: Namespace) -> None:
    token = await running(namespace)
    content = bytes(range(256))

    await finish(namespace, token, "succeeded", result=content)

    assert await Results(namespace).read(token.task_id) == content
    key = keys.result(namespace.prefix, token.task_id)
    assert await namespace.redis.pttl(key) == -1


async def test_a_result_is_kept_for_its_time(namespace: Namespace) -> None:
    token = await running(namespace, result_ttl_ms=60_000)
    key = keys.result(namespace.prefix, token.task_id)

    await finish(namespace, token, "succeeded", result=b"42")

    assert 59_000 < await namespace.redis.pttl(key) <= 60_000
    assert await Results(namespace).read(token.task_id) == b"42"
    await namespace.redis.delete(key)  # as its TTL does
    with pytest.raises(TaskError, match="not kept any more"):
        await Results(namespace).read(token.task_id)


@pytest.mark.parametrize("too_many", [0, 1])
async def test_a_result_that_is_too_large_leaves_its_size(
    namespace: Namespace, too_many: int
) -> None:
    token = await running(namespace)
    size = MAX_RESULT_BYTES + too_many

    await finish(namespace, token, "succeeded", result=b"x" * size)

    if not too_many:
        assert len(await Results(namespace).read(token.task_id)) == size
        return
    assert not await namespace.redis.exists(keys.result(namespace.prefix, token.task_id))
    with pytest.raises(TaskError, match=f"result of {size} bytes was not kept"):
        await Results(namespace).read(token.task_id)


@pytest.mark.parametrize("ttl_ms", [0, 60_000])
async def test_a_task_that_returned_nothing_has_no_result(
    namespace: Namespace, ttl_ms: int
) -> None:
    token = await running(namespace, result_ttl_ms=ttl_ms)
    await finish(namespace, token, "failed")

    with pytest.raises(TaskError, match="it has no result"):
        await Results(namespace).read(token.task_id)


async def test_a_task_that_has_not_ended_has_none_yet(namespace: Namespace) -> None:
    token = await running(namespace)

    with pytest.raises(WrongState, match="is running: it has no result yet"):
        await Results(namespace).read(token.task_id)


async def test_a_reset_takes_the_result_away(namespace: Namespace) -> None:
    token = await running(namespace, result_ttl_ms=60_000)
    await finish(namespace, token, "succeeded", result=b"42")

    await Drafts(namespace).reset(token.task_id)
    with pytest.raises(WrongState, match="is draft"):
        await Results(namespace).read(token.task_id)
    await Drafts(namespace).enqueue(token.task_id)
    await finish(namespace, await claim_one(namespace), "succeeded")

    with pytest.raises(TaskError, match="it has no result"):
        await Results(namespace).read(token.task_id)


async def test_a_strange_record_does_not_stop_a_finish(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, result_ttl_ms=60_000)
    strange = keys.extra(namespace.prefix, task_id)
    token = await claim_one(namespace)
    await namespace.redis.set(strange, "x")

    code = await finish(namespace, token, "succeeded", result=b"42")

    assert (code, await state(namespace, task_id)) == (1, "succeeded")
    assert await Results(namespace).read(task_id) == b"42"
    await namespace.redis.delete(strange)


@pytest.mark.parametrize("field", ["result_dropped", "result_until_ms"])
async def test_garbage_says_nothing(namespace: Namespace, field: str) -> None:
    token = await running(namespace)
    await finish(namespace, token, "succeeded")
    await namespace.redis.hset(keys.extra(namespace.prefix, token.task_id), field, b"\xff")

    with pytest.raises(TaskError, match="it has no result"):
        await Results(namespace).read(token.task_id)


async def test_a_task_that_does_not_exist_is_named(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound, match="task nope"):
        await Results(namespace).read(TaskId("nope"))
