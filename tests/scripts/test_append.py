from typing import Any

import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import CHUNK_BYTES, Chunk, Logs, StreamName
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.retention import LOG_MS

from .steps import claim_one, finish, running

ID = TaskId("01abcdefgh000001")
NONCE = "n1"


class Held(msgspec.Struct, frozen=True):
    """A token as a worker holds it."""

    task_id: TaskId = ID
    fence: int = 1
    nonce: str = NONCE


TOKEN = Held()


def chunk(offset: int, data: bytes, *, stream: StreamName = "out", raw_bytes: int = -1) -> Chunk:
    size = len(data) if raw_bytes < 0 else raw_bytes
    return Chunk(stream=stream, offset=offset, raw_bytes=size, data=data)


async def put_task(
    namespace: Namespace, *, fence: int = 1, nonce: str = NONCE, state: str = "running"
) -> None:
    fields: dict[Any, Any] = {"state": state, "fence": fence, "nonce": nonce}
    await namespace.redis.hset(keys.task(namespace.prefix, ID), mapping=fields)


async def stored(namespace: Namespace, fence: int = 1) -> list[bytes]:
    entries: Any = await namespace.redis.xrange(keys.log(namespace.prefix, ID, fence))
    return [fields[b"d"] for _, fields in entries]


async def ttl(namespace: Namespace, fence: int = 1) -> int:
    return int(await namespace.redis.pttl(keys.log(namespace.prefix, ID, fence)))


async def test_output_of_a_running_attempt_is_kept_byte_for_byte(namespace: Namespace) -> None:
    await put_task(namespace)
    every_byte = bytes(range(256)) * 3

    outcome = await Logs(namespace).append(TOKEN, [chunk(0, every_byte), chunk(768, b"\r\n\0")])

    assert outcome is True
    assert await stored(namespace) == [every_byte, b"\r\n\0"]
    assert await ttl(namespace) == -1


async def test_a_batch_that_is_sent_again_is_stored_once(namespace: Namespace) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    batch = [chunk(0, b"one"), chunk(0, b"oops", stream="err"), chunk(3, b"two")]
    await logs.append(TOKEN, batch)

    outcome = await logs.append(TOKEN, [*batch, chunk(6, b"three")])

    assert outcome is True
    assert await stored(namespace) == [b"one", b"oops", b"two", b"three"]


async def test_collapsed_progress_bars_count_with_the_raw_bytes_they_stand_for(
    namespace: Namespace,
) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    await logs.append(TOKEN, [chunk(0, b"100 %\n", raw_bytes=5_000)])

    await logs.append(TOKEN, [chunk(4_000, b"old", raw_bytes=500), chunk(5_000, b"new")])

    assert await stored(namespace) == [b"100 %\n", b"new"]


async def test_the_oldest_output_goes_when_the_log_is_full(namespace: Namespace) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    limit = 10 * (100 + 64)
    for n in range(25):
        await logs.append(TOKEN, [chunk(n * 100, b"%100d" % n)], limit_bytes=limit)

    assert await stored(namespace) == [b"%100d" % n for n in range(15, 25)]


async def test_many_small_entries_make_room_for_one_large_batch(namespace: Namespace) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    limit = 70 * 1024
    small = [chunk(n, b".") for n in range(1_200)]
    await logs.append(TOKEN, small, limit_bytes=limit)

    large = [chunk(1_200 + n * CHUNK_BYTES, b"x" * CHUNK_BYTES) for n in range(4)]
    await logs.append(TOKEN, large, limit_bytes=limit)

    kept = await stored(namespace)
    assert sum(len(data) + 64 for data in kept) <= limit
    assert kept[-4:] == [c.data for c in large]
    assert len(kept) == 4 + (limit - 4 * (CHUNK_BYTES + 64)) // 65


async def test_the_newest_entry_stays_even_above_the_limit(namespace: Namespace) -> None:
    await put_task(namespace)

    await Logs(namespace).append(TOKEN, [chunk(0, b"a"), chunk(1, b"b" * 500)], limit_bytes=100)

    assert await stored(namespace) == [b"b" * 500]


async def test_a_replay_is_known_as_one_after_its_first_copy_was_dropped(
    namespace: Namespace,
) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    batch = [chunk(0, b"a" * 300), chunk(300, b"b" * 300)]
    await logs.append(TOKEN, batch, limit_bytes=400)

    await logs.append(TOKEN, batch, limit_bytes=400)

    assert await stored(namespace) == [b"b" * 300]


@pytest.mark.parametrize("state", ["succeeded", "queued"])
async def test_the_last_output_is_taken_after_the_end_and_the_log_gets_a_ttl(
    namespace: Namespace, state: str
) -> None:
    await put_task(namespace, state=state)

    outcome = await Logs(namespace).append(TOKEN, [chunk(0, b"bye")])

    assert outcome is True
    assert await stored(namespace) == [b"bye"]
    assert 0 < await ttl(namespace) <= LOG_MS


async def test_output_waits_for_a_redis_that_never_heard_of_the_claim(
    namespace: Namespace,
) -> None:
    await namespace.redis.hset(keys.task(namespace.prefix, ID), "state", "queued")

    with pytest.raises(BrokerUnavailable, match="its output waits"):
        await Logs(namespace).append(TOKEN, [chunk(0, b"early")])

    assert await stored(namespace) == []


async def test_a_log_that_has_a_ttl_keeps_it_when_late_output_comes(namespace: Namespace) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    await logs.append(TOKEN, [chunk(0, b"a")])
    await put_task(namespace, state="failed")
    await namespace.redis.pexpire(keys.log(namespace.prefix, ID, 1), 50_000)

    await logs.append(TOKEN, [chunk(1, b"b")])

    assert 0 < await ttl(namespace) <= 50_000


async def test_the_log_of_a_readopted_attempt_loses_the_ttl_that_it_got_in_between(
    namespace: Namespace,
) -> None:
    await put_task(namespace, state="queued")
    logs = Logs(namespace)
    await logs.append(TOKEN, [chunk(0, b"a")])
    await put_task(namespace, state="running")

    await logs.append(TOKEN, [chunk(1, b"b")])

    assert await ttl(namespace) == -1


async def test_a_zombie_writes_only_to_its_own_log(namespace: Namespace) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    await logs.append(TOKEN, [chunk(0, b"first")])
    await namespace.redis.pexpire(keys.log(namespace.prefix, ID, 1), 50_000)
    await put_task(namespace, fence=2, nonce="n2")

    outcome = await logs.append(TOKEN, [chunk(5, b"late")])

    assert outcome is True
    assert await stored(namespace, fence=1) == [b"first", b"late"]
    assert await stored(namespace, fence=2) == []
    assert 0 < await ttl(namespace, fence=1) <= 50_000


async def test_a_zombie_never_makes_a_log_anew(namespace: Namespace) -> None:
    await put_task(namespace, fence=2, nonce="n2")

    outcome = await Logs(namespace).append(TOKEN, [chunk(0, b"late")])

    assert outcome is False
    assert not await namespace.redis.exists(keys.log(namespace.prefix, ID, 1))


async def test_the_log_of_a_zombie_without_ttl_gets_one(namespace: Namespace) -> None:
    await put_task(namespace)
    logs = Logs(namespace)
    await logs.append(TOKEN, [chunk(0, b"first")])
    await put_task(namespace, fence=2, nonce="n2")

    await logs.append(TOKEN, [chunk(5, b"late")])

    assert 0 < await ttl(namespace, fence=1) <= LOG_MS


async def test_another_claim_with_the_same_fence_keeps_this_one_out(namespace: Namespace) -> None:
    await put_task(namespace, nonce="other")

    assert await Logs(namespace).append(TOKEN, [chunk(0, b"x")]) is False
    assert await stored(namespace) == []


async def test_output_waits_while_redis_is_older_than_the_claim(namespace: Namespace) -> None:
    await put_task(namespace)

    with pytest.raises(BrokerUnavailable, match=f"without the claim of task {ID}"):
        await Logs(namespace).append(Held(fence=2), [chunk(0, b"x")])

    assert await stored(namespace, fence=2) == []


async def test_output_of_a_purged_task_is_refused(namespace: Namespace) -> None:
    assert await Logs(namespace).append(TOKEN, [chunk(0, b"x")]) is False
    assert not await namespace.redis.exists(keys.log(namespace.prefix, ID, 1))


async def test_the_log_of_a_real_attempt_ends_with_it_and_the_next_one_has_its_own(
    namespace: Namespace,
) -> None:
    logs = Logs(namespace)
    first = await running(namespace)
    await logs.append(first, [chunk(0, b"try")])
    await finish(namespace, first, "retry")
    second = await claim_one(namespace)

    assert await logs.append(first, [chunk(3, b" one")]) is True
    assert await logs.append(second, [chunk(0, b"try two")]) is True

    old = keys.log(namespace.prefix, first.task_id, first.fence)
    new = keys.log(namespace.prefix, first.task_id, second.fence)
    assert 0 < await namespace.redis.pttl(old) <= LOG_MS
    assert await namespace.redis.pttl(new) == -1
    entries, _ = await logs.read(first.task_id, first.fence)
    assert b"".join(e.data for e in entries) == b"try one"
