import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import Rare
from rq_agent.broker.draining import Draining
from rq_agent.broker.leases import MAX_ENVELOPE_BYTES
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id

from .steps import (
    CPU,
    DIGEST,
    GPU,
    add,
    claim,
    claim_one,
    enqueue,
    events,
    fields,
    finish,
    line,
    members,
    new_task,
    now_ms,
    score,
    state,
)


async def set_queue(namespace: Namespace, queue: str, field: str, value: str) -> None:
    await namespace.redis.hset(keys.queue(namespace.prefix, queue), field, value)


async def test_a_claim_tells_the_worker_all_that_it_needs(namespace: Namespace) -> None:
    task = new_task(name="train", user="ada", priority=7, lease_ms=9_000, timeout_ms=5)
    await enqueue(namespace, task)

    taken = await claim_one(namespace, nonce="n1")

    assert (taken.task_id, taken.fence, taken.nonce) == (task.id, 1, "n1")
    assert (taken.queue, taken.shape, taken.attempt) == ("q", shape_id(CPU), 1)
    assert (taken.definition, taken.envelope) == (DIGEST, b"signed")
    assert (taken.lease_ms, taken.timeout_ms, taken.lost) == (9_000, 5, 0)
    assert (taken.name, taken.user, taken.priority) == ("train", "ada", 7)


async def test_tasks_of_one_claim_are_told_apart(namespace: Namespace) -> None:
    words = [
        ("train", "ada"),
        ("train", "ada"),
        ("train", "bob"),
        ("eval", "bob"),
        ("train", "ada"),
    ]
    await enqueue(namespace, *[new_task(name=name, user=user) for name, user in words])
    (other,) = await add(namespace, queue="p", name="train", user="ada")

    claims = (await claim(namespace, "q", "p", limit=9)).claims

    assert [(c.name, c.user) for c in claims] == [*words, ("train", "ada")]
    assert [c.queue for c in claims] == [*["q"] * 5, "p"]
    assert claims[5].task_id == other


async def test_a_claim_tells_what_its_worker_would_need_if_redis_forgot_the_task(
    namespace: Namespace,
) -> None:
    usual = (await add(namespace))[0]
    rare = Rare(max_lost=9, unique="u", key="k", key_limit=2, result_ttl_ms=5, queue_timeout_ms=6)
    given = msgspec.structs.asdict(rare)
    given |= {"concurrency_key": given.pop("key"), "concurrency_limit": given.pop("key_limit")}
    (special,) = await add(namespace, **given)

    first, second = (await claim(namespace, limit=2)).claims

    assert [(c.task_id, c.rare) for c in (first, second)] == [(usual, Rare()), (special, rare)]
    stored = await fields(namespace, usual)
    assert (first.order, str(first.created_ms)) == (stored["order"], stored["created_ms"])


@pytest.mark.parametrize("strange", ["x", "-1", "1e9", "\xff", "9" * 40])
async def test_rare_fields_that_make_no_sense_are_the_usual_ones(
    namespace: Namespace, strange: str
) -> None:
    (task_id,) = await add(namespace, unique="u")
    written = ("max_lost", "key_limit", "result_ttl_ms", "queue_timeout_ms", "created_ms")
    task = keys.task(namespace.prefix, task_id)
    await namespace.redis.hset(task, mapping=dict.fromkeys(written, strange))

    claim = await claim_one(namespace)

    assert (claim.rare, claim.created_ms) == (Rare(unique="u"), 0)


async def test_a_claimed_task_is_running_and_only_that(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, lease_ms=9_000, queue_timeout_ms=1_000)

    await claim(namespace, worker="w7", nonce="n1")

    p = namespace.prefix
    stored = await fields(namespace, task_id)
    assert (stored["state"], stored["worker"], stored["nonce"]) == ("running", "w7", "n1")
    deadline = await score(namespace, keys.leases(p), task_id)
    assert deadline is not None
    assert 8_000 < deadline - await now_ms(namespace) <= 9_000
    assert await members(namespace, keys.running(p, "q")) == [task_id]
    assert await namespace.redis.smembers(keys.held(p, "w7")) == {task_id.encode()}
    assert await members(namespace, keys.deadlines(p)) == []
    assert not await namespace.redis.exists(keys.ready_queues(p, shape_id(CPU)))


async def test_the_fence_rises_with_each_claim(namespace: Namespace) -> None:
    await add(namespace)

    fences = []
    for _ in range(3):
        taken = await claim_one(namespace)
        fences.append(taken.fence)
        await finish(namespace, taken, "release")

    assert fences == [1, 2, 3]


async def test_a_claim_takes_at_most_its_limit(namespace: Namespace) -> None:
    ids = await add(namespace, 50)

    first = await claim(namespace, limit=40)
    second = await claim(namespace, limit=40)

    assert [c.task_id for c in first.claims] == ids[:40]
    assert [c.task_id for c in second.claims] == ids[40:]
    assert not first.again


async def test_a_claim_takes_only_shapes_that_fit(namespace: Namespace) -> None:
    (big,) = await add(namespace, need=GPU)
    (small,) = await add(namespace)

    assert (await claim_one(namespace, needs=(CPU,))).task_id == small
    assert (await claim(namespace, needs=(CPU,))).claims == ()
    assert (await claim_one(namespace, needs=(CPU, GPU))).task_id == big


async def test_shapes_of_one_queue_keep_one_order(namespace: Namespace) -> None:
    ids = [(await add(namespace, need=need))[0] for need in (CPU, GPU, GPU, CPU, GPU)]
    (urgent,) = await add(namespace, need=GPU, priority=1)

    claimed = await claim(namespace, needs=(CPU, GPU), limit=10)

    assert [c.task_id for c in claimed.claims] == [urgent, *ids]


async def test_no_shape_at_all_claims_nothing_but_learns_how_many_there_are(
    namespace: Namespace,
) -> None:
    await add(namespace)

    claimed = await claim(namespace, needs=())

    assert claimed.claims == ()
    assert claimed.shape_count == 1


async def test_the_same_nonce_returns_the_same_tasks_again(namespace: Namespace) -> None:
    await add(namespace, 5)
    await claim(namespace, limit=1)
    first = await claim(namespace, nonce="same", limit=2)

    again = await claim(namespace, nonce="same", limit=2)

    assert sorted(c.task_id for c in again.claims) == sorted(c.task_id for c in first.claims)
    assert {c.fence for c in again.claims} == {1}
    assert len(await line(namespace)) == 2


async def test_the_same_nonce_of_a_task_that_ended_claims_another(namespace: Namespace) -> None:
    ids = await add(namespace, 2)
    await finish(namespace, await claim_one(namespace, nonce="same"), "succeeded")

    assert (await claim_one(namespace, nonce="same")).task_id == ids[1]


@pytest.mark.parametrize(
    ("size", "is_sent"), [(MAX_ENVELOPE_BYTES, True), (MAX_ENVELOPE_BYTES + 1, False)]
)
async def test_an_oversized_envelope_is_not_sent(
    namespace: Namespace, size: int, is_sent: bool
) -> None:
    await add(namespace, envelope=b"x" * size)

    taken = await claim_one(namespace)

    assert (taken.envelope is not None) == is_sent


async def test_a_missing_envelope_is_told(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    await namespace.redis.delete(keys.arguments(namespace.prefix, task_id))

    assert (await claim_one(namespace)).envelope is None


async def test_a_paused_queue_is_passed_over(namespace: Namespace) -> None:
    await add(namespace)
    (other,) = await add(namespace, queue="r")
    await set_queue(namespace, "q", "paused", "1")

    claimed = await claim(namespace, "q", "r", limit=5)

    assert [c.task_id for c in claimed.claims] == [other]


async def test_a_queue_runs_no_more_than_its_max(namespace: Namespace) -> None:
    ids = await add(namespace, 5)
    await set_queue(namespace, "q", "max_running", "2")

    first = await claim(namespace, limit=5)
    nothing = await claim(namespace, limit=5)
    await finish(namespace, first.claims[0], "succeeded")
    third = await claim(namespace, limit=5)

    assert [c.task_id for c in first.claims] == ids[:2]
    assert nothing.claims == ()
    assert [c.task_id for c in third.claims] == [ids[2]]


@pytest.mark.parametrize("mode", ["priority", "round-robin"])
@pytest.mark.parametrize("kind", ["missing", "string", "list", "finished", "elsewhere"])
async def test_a_member_without_a_queued_task_behind_it_is_dropped(
    namespace: Namespace, kind: str, mode: str
) -> None:
    p, redis = namespace.prefix, namespace.redis
    ghost, good = await add(namespace, 2)
    task = keys.task(p, ghost)
    if kind == "finished":
        await redis.hset(task, "state", "succeeded")
    elif kind == "elsewhere":
        await redis.hset(task, "queue", "other")
    else:
        await redis.delete(task)
    if kind == "string":
        await redis.set(task, "x")
    if kind == "list":
        await redis.rpush(task, "x")

    claimed = await claim(namespace, limit=5, mode=mode)

    assert [c.task_id for c in claimed.claims] == [good]
    assert await line(namespace) == []
    assert [e["id"] for e in await events(namespace, "ghost")] == [ghost]
    await redis.delete(task)


async def test_fields_that_make_no_sense_do_not_stop_a_queue(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (task_id,) = await add(namespace)
    for field in ("fence", "lease_ms", "attempt", "lost", "timeout_ms"):
        await redis.hset(keys.task(p, task_id), field, "nan")
    await redis.delete(keys.history(p, task_id), keys.arguments(p, task_id))
    await redis.set(keys.history(p, task_id), "hostile")
    await redis.rpush(keys.arguments(p, task_id), "hostile")
    await set_queue(namespace, "q", "max_running", "x")
    await set_queue(namespace, "q", "weight", "-1")

    taken = await claim_one(namespace, mode="round-robin")

    assert (taken.task_id, taken.fence, taken.envelope) == (task_id, 1, None)
    assert await finish(namespace, taken, "succeeded") == 1
    await redis.delete(keys.history(p, task_id), keys.arguments(p, task_id))


async def test_a_claim_that_meets_only_ghosts_asks_to_be_repeated(namespace: Namespace) -> None:
    ghosts = {f"ghost{n}": n for n in range(60)}
    await namespace.redis.zadd(keys.ready(namespace.prefix, "q", shape_id(CPU)), ghosts)
    (task_id,) = await add(namespace)

    first = await claim(namespace, park=True)
    second = await claim(namespace, park=True)

    assert (first.claims, first.again, first.parked) == ((), True, False)
    assert [c.task_id for c in second.claims] == [task_id]


async def test_a_worker_that_drains_claims_nothing(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    await claim(namespace, "other", park=True)
    await Draining(namespace).drain("w")

    claimed = await claim(namespace, park=True)

    assert (claimed.claims, claimed.parked) == ((), False)
    assert await state(namespace, task_id) == "queued"


async def test_a_claim_that_breaks_off_loses_no_task(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    running_key = keys.running(namespace.prefix, "q")
    await namespace.redis.set(running_key, "odd")

    with pytest.raises(Exception, match="WRONGTYPE"):
        await claim(namespace)
    await namespace.redis.delete(running_key)

    assert (await claim_one(namespace)).task_id == task_id
