"""A task that runs, and that Redis came back without."""

import hashlib
from typing import Any

import msgspec
import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.claims import Claim, Rare, RecreateCode
from rq_agent.broker.errors import UsageError
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.new_task import DefinitionUpload
from rq_agent.broker.recreation import Recreation
from rq_agent.broker.statistics import Statistics

from .steps import (
    DIGEST,
    ENCODED,
    GPU,
    LEASE_MS,
    UPLOAD,
    add,
    beat,
    claim,
    claim_one,
    events,
    extra,
    fields,
    finish,
    history,
    line,
    lose,
    members,
    new_task,
    now_ms,
    running,
    score,
    state,
)


async def come_back_with_nothing(namespace: Namespace) -> None:
    found = [key async for key in namespace.redis.scan_iter(match=f"{namespace.prefix}*")]
    await namespace.redis.delete(*found)


async def recreate(
    namespace: Namespace,
    claim: Claim,
    *,
    worker: str = "w",
    need: Need = Need(),  # noqa: B008  # frozen
    definition: DefinitionUpload = UPLOAD[DIGEST],
    **options: Any,
) -> RecreateCode:
    known = Recreation(claim=claim, need=need, definition=definition, **options)
    return await Leases(namespace).recreate(worker, known, lease_ms=LEASE_MS)


async def test_a_server_that_came_back_with_nothing_has_the_running_task_again(
    namespace: Namespace,
) -> None:
    p = namespace.prefix
    given: dict[str, Any] = {"name": "train", "user": "ada", "priority": 7, "need": GPU}
    await add(namespace, **given, timeout_ms=5, retry="2", max_lost=9, result_ttl_ms=1_000)
    for end in ("retry", "lost"):
        await finish(namespace, await claim_one(namespace, needs=(GPU,)), end)
    held = await claim_one(namespace, needs=(GPU,))
    before = await fields(namespace, held.task_id)
    assert (before["fence"], before["attempt"], before["lost"]) == ("3", "2", "1")
    for gone in ("finished", "queued_ms"):  # of claims before this one
        before.pop(gone)
    await come_back_with_nothing(namespace)

    code = await recreate(namespace, held, need=GPU, params={"lr": "1"}, labels={"a": "b"})

    assert code == RecreateCode.MADE
    after = await fields(namespace, held.task_id)
    assert int(after.pop("started_ms")) >= int(before.pop("started_ms"))
    assert after == before
    assert await extra(namespace, held.task_id) == {"params": '{"lr":"1"}', "labels": '{"a":"b"}'}
    assert await namespace.redis.get(keys.arguments(p, held.task_id)) == b"signed"
    assert await namespace.redis.get(keys.definition(p, DIGEST)) == ENCODED
    assert await namespace.redis.hgetall(keys.references(p)) == {f"d:{DIGEST}".encode(): b"1"}
    indices = [("user", "ada"), ("name", "train"), ("queue", "q"), ("label", "a=b")]
    for key in (
        *(keys.ids(p), keys.leases(p), keys.running(p, "q")),
        *(keys.index(p, field, value) for field, value in indices),
    ):
        assert await members(namespace, key) == [held.task_id]
    assert await namespace.redis.smembers(keys.held(p, "w")) == {held.task_id.encode()}
    assert await namespace.redis.smembers(keys.queues(p)) == {b"q"}
    assert await namespace.redis.hkeys(keys.shapes(p)) == [shape_id(GPU).encode()]
    deadline = await score(namespace, keys.leases(p), held.task_id)
    assert deadline is not None
    assert 0 < deadline - await now_ms(namespace) <= LEASE_MS


async def test_what_was_made_anew_is_renewed_and_ended_by_its_claim(namespace: Namespace) -> None:
    held = await running(namespace, lease_ms=9_000)
    await come_back_with_nothing(namespace)
    assert (await beat(namespace, held)).missing == (held.task_id,)

    codes = [await recreate(namespace, held) for _ in range(2)]

    assert codes == [RecreateCode.MADE, RecreateCode.EXISTS]
    told = await beat(namespace, held)
    assert (told.lost, told.missing) == ((), ())
    deadline = await score(namespace, keys.leases(namespace.prefix), held.task_id)
    assert deadline is not None
    assert 0 < deadline - await now_ms(namespace) <= 9_000
    assert await history(namespace, held.task_id) == ["enqueued", "recreated"]
    (event,) = await events(namespace, "recreated")
    assert (event["state"], event["worker"], event["fence"]) == ("running", "w", "1")
    assert await finish(namespace, held, "succeeded") == 1
    counts = (await Statistics(namespace).latest(["q"], 5))["q"].counts
    assert (counts.enqueued, counts.claimed, counts.succeeded) == (1, 1, 1)


@pytest.mark.parametrize("end", ["running", "queued", "succeeded", "string"])
async def test_where_there_is_a_record_nothing_is_written(namespace: Namespace, end: str) -> None:
    held = await running(namespace)
    key = keys.task(namespace.prefix, held.task_id)
    if end == "string":
        await namespace.redis.delete(key)
        await namespace.redis.set(key, "x")
    elif end != "running":
        await finish(namespace, held, "release" if end == "queued" else end)
    before = await namespace.redis.dump(key)

    assert await recreate(namespace, held, worker="w2") == RecreateCode.EXISTS

    assert await namespace.redis.dump(key) == before
    assert not await namespace.redis.exists(keys.held(namespace.prefix, "w2"))
    assert not await events(namespace, "recreated")
    if end == "string":
        await namespace.redis.delete(key)


async def test_it_keeps_its_place_before_all_that_came_later(namespace: Namespace) -> None:
    held = [await running(namespace), await running(namespace)]
    await come_back_with_nothing(namespace)
    (meanwhile,) = await add(namespace)  # gets the place that the first one had
    for each in reversed(held):
        await recreate(namespace, each)
    (later,) = await add(namespace)

    for each in held:
        await finish(namespace, each, "release")

    ready = keys.ready(namespace.prefix, "q", held[0].shape)
    places = [await score(namespace, ready, i) for i in await line(namespace)]
    assert len(set(places)) == 4
    assert await line(namespace) == [held[0].task_id, meanwhile, held[1].task_id, later]


@pytest.mark.parametrize("created_ms", [0, 2**52])
async def test_a_time_that_nobody_knows_is_now(namespace: Namespace, created_ms: int) -> None:
    held = await running(namespace)
    await come_back_with_nothing(namespace)

    await recreate(namespace, msgspec.structs.replace(held, created_ms=created_ms))

    created = int((await fields(namespace, held.task_id))["created_ms"])
    assert abs(created - await now_ms(namespace)) < 10_000


async def test_it_keeps_the_time_of_its_creation(namespace: Namespace) -> None:
    held = msgspec.structs.replace(await running(namespace), created_ms=1_700_000_000_000)
    await come_back_with_nothing(namespace)

    await recreate(namespace, held)

    assert (await fields(namespace, held.task_id))["created_ms"] == "1700000000000"


@pytest.mark.parametrize(
    "order", ["", "x", "-5", "0", "1e300", "nan", str(2**60), str(2**52), str(2**44 - 1)]
)
async def test_a_place_that_makes_no_sense_is_the_last_one(
    namespace: Namespace, order: str
) -> None:
    held = await running(namespace)
    await come_back_with_nothing(namespace)
    (before,) = await add(namespace)

    assert await recreate(namespace, msgspec.structs.replace(held, order=order)) == 1

    await lose(namespace, held.task_id)
    assert await line(namespace) == [before, held.task_id]


async def test_it_holds_its_concurrency_key_whoever_else_does(namespace: Namespace) -> None:
    key: dict[str, Any] = {"concurrency_key": "gpu", "concurrency_limit": 1}
    held = await running(namespace, **key)
    await come_back_with_nothing(namespace)
    second = await running(namespace, **key)
    (third,) = await add(namespace, **key)

    assert await recreate(namespace, held) == 1

    holders = keys.holders(namespace.prefix, "gpu")
    assert set(await members(namespace, holders)) == {held.task_id, second.task_id}
    await finish(namespace, second, "succeeded")
    assert (await claim(namespace)).claims == ()
    assert await state(namespace, third) == "blocked"
    await finish(namespace, held, "succeeded")
    assert (await claim_one(namespace)).task_id == third


@pytest.mark.parametrize("is_free", [True, False])
async def test_it_has_its_unique_key_unless_another_task_has_it_now(
    namespace: Namespace, is_free: bool
) -> None:
    held = await running(namespace, unique="daily")
    await come_back_with_nothing(namespace)
    owner = held.task_id if is_free else (await add(namespace, unique="daily"))[0]

    assert await recreate(namespace, held) == 1

    key = keys.unique(namespace.prefix, "daily")
    assert await namespace.redis.get(key) == owner.encode()
    assert ((await fields(namespace, held.task_id)).get("unique") == "daily") == is_free
    await finish(namespace, held, "succeeded")
    assert bool(await namespace.redis.exists(key)) != is_free


async def test_a_blob_that_is_there_is_counted_and_stays(namespace: Namespace) -> None:
    content = b"code"
    digest = hashlib.sha256(content).hexdigest()
    upload = DefinitionUpload(encoded=ENCODED, blobs=(digest,))
    held = await running(namespace)
    await come_back_with_nothing(namespace)
    await Blobs(namespace).put(digest, content)

    assert await recreate(namespace, held, definition=upload) == RecreateCode.MADE

    p = namespace.prefix
    assert await namespace.redis.pttl(keys.blob(p, digest)) == -1
    assert await namespace.redis.hget(keys.references(p), f"blob:{digest}") == b"1"


async def test_without_its_blob_a_definition_is_not_kept_but_its_users_are_counted(
    namespace: Namespace,
) -> None:
    p = namespace.prefix
    digest = hashlib.sha256(b"code").hexdigest()
    upload = DefinitionUpload(encoded=ENCODED, blobs=(digest,))
    held = await running(namespace)
    await come_back_with_nothing(namespace)

    assert await recreate(namespace, held, definition=upload) == RecreateCode.MADE_WITHOUT_BLOB

    assert not await namespace.redis.exists(keys.definition(p, DIGEST))
    await add(namespace)  # brings the definition along
    assert await namespace.redis.get(keys.definition(p, DIGEST)) == ENCODED
    assert await namespace.redis.hget(keys.references(p), f"d:{DIGEST}") == b"2"


@pytest.mark.parametrize(
    "hostile",
    [
        {"queue": "a:b"},
        {"queue": "x" * 100},
        {"name": "x" * 300},
        {"priority": 2**40},
        {"rare": Rare(unique="x" * 65)},
        {"rare": Rare(key="\n")},
        {"rare": Rare(result_ttl_ms=2**52)},
        {"retry": "x" * 65},
        {"envelope": None},
    ],
)
async def test_what_no_enqueue_would_take_is_refused(
    namespace: Namespace, hostile: dict[str, Any]
) -> None:
    held = await running(namespace)
    await come_back_with_nothing(namespace)

    with pytest.raises(UsageError):
        await recreate(namespace, msgspec.structs.replace(held, **hostile))

    assert not await namespace.redis.exists(keys.task(namespace.prefix, held.task_id))


async def test_a_key_of_its_queue_that_holds_something_else_is_told_and_nothing_is_written(
    namespace: Namespace,
) -> None:
    held = await running(namespace)
    await come_back_with_nothing(namespace)
    queue = keys.queue(namespace.prefix, "q")
    await namespace.redis.set(queue, "x")

    with pytest.raises(ResponseError, match="WRONGTYPE queue q"):
        await recreate(namespace, held)

    await namespace.redis.delete(queue)
    assert [k async for k in namespace.redis.scan_iter(match=f"{namespace.prefix}*")] == []


async def test_a_strange_rest_of_the_record_does_not_stop_it(namespace: Namespace) -> None:
    task = new_task(name="n" * 100)
    held = await running(namespace, name="n")
    await come_back_with_nothing(namespace)
    left = [
        keys.extra(namespace.prefix, held.task_id),
        keys.history(namespace.prefix, held.task_id),
    ]
    for key in left:
        await namespace.redis.set(key, "x")

    assert await recreate(namespace, held, params={"a": "b"}, labels=task.labels) == 1

    assert await state(namespace, held.task_id) == "running"
    await namespace.redis.delete(*left)


async def test_a_worker_that_redis_does_not_know_any_more_counts_as_alive(
    namespace: Namespace,
) -> None:
    held = await running(namespace)
    await come_back_with_nothing(namespace)

    await recreate(namespace, held, worker="w7")

    expires = await score(namespace, keys.workers(namespace.prefix), "w7")
    assert expires is not None
    assert 0 < expires - await now_ms(namespace) <= LEASE_MS
