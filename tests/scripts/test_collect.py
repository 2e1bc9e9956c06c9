import pytest

from rq_agent.broker import keys, purging
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import encode
from rq_agent.broker.purging import Purging

from .retiring import collect, ended, make_due, seconds_until
from .steps import CPU, add, claim, fields, finish, members, running


async def test_a_task_is_given_to_the_archiver_once_its_late_output_has_come(
    namespace: Namespace,
) -> None:
    task_id = (await ended(namespace)).task_id

    assert await collect(namespace) == []
    waits_s = await seconds_until(namespace, keys.unarchived(namespace.prefix), task_id)
    assert 3590 < waits_s <= 3600

    await make_due(namespace, task_id)
    assert [task.task_id for task in await collect(namespace)] == [task_id]


async def test_all_that_is_short_comes_with_it(namespace: Namespace) -> None:
    done = await ended(namespace, name="train", labels={"team": "vision"}, params={"lr": "1"})
    await Logs(namespace).append(done, [Chunk(stream="out", offset=0, raw_bytes=2, data=b"hi")])
    await namespace.redis.xadd(keys.scalars(namespace.prefix, done.task_id), {"loss": "1"})
    await make_due(namespace, done.task_id)

    [found] = await collect(namespace)

    stored = dict(zip(found.task[0::2], found.task[1::2], strict=True))
    assert {k.decode(): v.decode() for k, v in stored.items()} == await fields(
        namespace, done.task_id
    )
    assert (found.state, found.finished_ms) == (b"succeeded", stored[b"finished_ms"])
    assert b'{"team":"vision"}' in found.extra
    assert [line.split()[1] for line in found.history] == [b"enqueued", b"claimed", b"succeeded"]
    assert found.need == encode(CPU)
    assert (found.envelope, found.envelope_bytes) == (b"signed", 6)
    assert (found.result, found.result_bytes) == (b"a result", 8)
    assert (found.fences, found.scalars, found.cut) == ([done.fence], 1, [])


async def test_nobody_else_gets_it_for_the_time_of_a_lease(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id
    await make_due(namespace, task_id)

    assert len(await collect(namespace, lease_ms=60_000)) == 1
    assert await collect(namespace) == []

    waits_s = await seconds_until(namespace, keys.unarchived(namespace.prefix), task_id)
    assert 50 < waits_s <= 60
    await make_due(namespace, task_id)  # the archiver died, and its lease is over
    assert len(await collect(namespace)) == 1


async def test_a_batch_is_bounded_and_says_that_there_is_more(namespace: Namespace) -> None:
    ids = [(await ended(namespace)).task_id for _ in range(3)]
    await make_due(namespace, *ids)

    first, more = await Purging(namespace).collect(2)
    rest, none = await Purging(namespace).collect(2)

    assert sorted(t.task_id for t in [*first, *rest]) == ids
    assert (len(first), more, len(rest), none) == (2, True, 1, False)


@pytest.mark.parametrize("state", ["queued", "running", "gone", "garbage"])
async def test_what_is_not_final_is_not_for_the_archive(namespace: Namespace, state: str) -> None:
    task_id = TaskId("0" * 16)
    if state == "queued":
        [task_id] = await add(namespace)
    elif state == "running":
        task_id = (await running(namespace)).task_id
    elif state == "garbage":
        await namespace.redis.hset(keys.task(namespace.prefix, task_id), "state", b"\xff\x00" * 9)
    await namespace.redis.zadd(keys.unarchived(namespace.prefix), {task_id: 1})

    assert await collect(namespace) == []

    assert await members(namespace, keys.unarchived(namespace.prefix)) == []


async def test_an_end_without_its_time_gets_one(namespace: Namespace) -> None:
    task_id = (await ended(namespace)).task_id
    await namespace.redis.hdel(keys.task(namespace.prefix, task_id), "finished_ms")
    await make_due(namespace, task_id)

    [found] = await collect(namespace)

    assert found.finished_ms.decode() == (await fields(namespace, task_id))["finished_ms"]
    assert await Purging(namespace).note_archived([found]) == 1


async def test_large_values_are_measured_and_left_out(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await ended(namespace, envelope=b"e" * 20_000, params={"text": "x" * 3_000})
    await namespace.redis.set(keys.result(namespace.prefix, done.task_id), b"r" * 30_000)
    await make_due(namespace, done.task_id)
    monkeypatch.setattr(purging, "HASH_BYTES", 2_000)

    [found] = await collect(namespace)

    assert (found.envelope, found.envelope_bytes) == (b"", 20_000)
    assert (found.result, found.result_bytes) == (b"", 30_000)
    assert found.cut == [b"extra"]


async def test_keys_that_hold_something_else_stop_nothing(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    hostile, fine = await ended(namespace), await ended(namespace)
    task_id = hostile.task_id
    names = (keys.extra, keys.arguments, keys.result, keys.history, keys.scalars)
    for name in names:
        await redis.delete(name(p, task_id))
        await redis.sadd(name(p, task_id), "garbage")
    await redis.set(keys.log(p, task_id, 1), "garbage")
    await redis.hset(keys.task(p, task_id), mapping={"shape": "unknown", "fence": "1e300"})
    await make_due(namespace, task_id, fine.task_id)

    found = {task.task_id: task for task in await collect(namespace)}

    assert set(found) == {task_id, fine.task_id}
    assert (found[task_id].extra, found[task_id].history) == ([], [])
    assert (found[task_id].envelope_bytes, found[task_id].result_bytes) == (0, 0)
    assert (found[task_id].fences, found[task_id].scalars) == ([], 0)
    assert found[task_id].cut == [b"extra"]
    for name in (*names, lambda p, i: keys.log(p, i, 1)):
        await redis.delete(name(p, task_id))


async def test_the_logs_of_the_last_attempts_are_named(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    for _ in range(3):
        held = (await claim(namespace)).claims[0]
        await Logs(namespace).append(held, [Chunk(stream="out", offset=0, raw_bytes=1, data=b"x")])
        await finish(namespace, held, "release" if held.fence < 3 else "succeeded")
    await namespace.redis.delete(keys.log(namespace.prefix, task_id, 2))  # by its TTL
    await make_due(namespace, task_id)

    [found] = await collect(namespace)

    assert found.fences == [3, 1]
