"""Results are kept within their size and for their time, and what is not there is explained."""

import pytest

from rq_agent.broker import keys, results
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


async def test_large_results_come_in_several_answers(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_MOST_BYTES", 10)
    ids = await add(namespace, 4)
    for n in range(4):
        await finish(namespace, await claim_one(namespace), "succeeded", result=b"%d" % n * 6)

    found = await Results(namespace).read_many(ids)

    assert [end and end.result for end in found] == [b"000000", b"111111", b"222222", b"333333"]
    told = await namespace.scripts.results([10, *ids])
    assert len(told) == 2


async def test_keys_that_hold_something_else_tell_nothing(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    token, other = await running(namespace), await running(namespace)
    for ended in (token, other):
        await finish(namespace, ended, "failed", exit_code=3, reason="exit 3", result=b"1")
    await redis.delete(keys.extra(p, token.task_id), keys.result(p, token.task_id))
    await redis.set(keys.extra(p, token.task_id), "nonsense")
    await redis.rpush(keys.result(p, token.task_id), "nonsense")
    await redis.delete(keys.task(p, other.task_id))
    await redis.set(keys.task(p, other.task_id), "nonsense")

    [end, none] = await Results(namespace).read_many([token.task_id, other.task_id])

    assert end is not None
    assert (end.state, end.exit_code, end.reason, end.result) == ("failed", 3, "", None)
    assert none is None
    await redis.delete(
        keys.extra(p, token.task_id), keys.result(p, token.task_id), keys.task(p, other.task_id)
    )
