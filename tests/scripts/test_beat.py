from typing import Any

import msgspec
import pytest

from rq_agent.broker import keys, retention
from rq_agent.broker.claims import Token
from rq_agent.broker.draining import Draining
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.worker_labels import WorkerLabels

from . import steps
from .steps import (
    LEASE_MS,
    add,
    beat,
    claim,
    claim_one,
    decoded,
    events,
    fields,
    finish,
    forget_a_claim,
    line,
    lose,
    members,
    messages,
    now_ms,
    running,
    score,
    state,
)


async def deadline_from_now_ms(namespace: Namespace, task_id: TaskId) -> float:
    deadline = await score(namespace, keys.leases(namespace.prefix), task_id)
    assert deadline is not None
    return deadline - await now_ms(namespace)


async def test_a_beat_says_that_the_worker_lives_and_what_it_does(namespace: Namespace) -> None:
    await beat(namespace, worker="w7", facts={"host": "box", "slots": 4, "cpus": 1.5})

    p = namespace.prefix
    expires = await score(namespace, keys.workers(p), "w7")
    told = decoded(await namespace.redis.hgetall(keys.worker(p, "w7")))
    assert expires is not None
    assert LEASE_MS - 10_000 < expires - await now_ms(namespace) <= LEASE_MS
    assert (told["host"], told["slots"], told["cpus"]) == ("box", "4", "1.5")
    assert abs(int(told["beat_ms"]) - await now_ms(namespace)) < 10_000


async def test_a_beat_renews_each_lease_by_its_own_length(namespace: Namespace) -> None:
    short = await running(namespace, lease_ms=9_000)
    long = await running(namespace, lease_ms=600_000)
    p = namespace.prefix
    await namespace.redis.zadd(keys.leases(p), {short.task_id: 1, long.task_id: 1})

    told = await beat(namespace, short, long)

    assert (told.lost, told.cancels, told.given_back) == ((), {}, ())
    assert 0 < await deadline_from_now_ms(namespace, short.task_id) <= 9_000
    assert 590_000 < await deadline_from_now_ms(namespace, long.task_id) <= 600_000


async def test_what_a_beat_renews_lasts_at_least_as_long_as_its_worker_will_be_away(
    namespace: Namespace,
) -> None:
    short, long = await running(namespace), await running(namespace, lease_ms=900_000)

    await beat(namespace, short, long, least_ms=600_000)

    assert 590_000 < await deadline_from_now_ms(namespace, short.task_id) <= 600_000
    assert 890_000 < await deadline_from_now_ms(namespace, long.task_id) <= 900_000
    await beat(namespace, short)
    assert await deadline_from_now_ms(namespace, short.task_id) <= LEASE_MS


@pytest.mark.parametrize("wrong", [{"fence": 0}, {"fence": 2}, {"nonce": "other"}])
async def test_a_lease_of_another_claim_is_lost_and_not_renewed(
    namespace: Namespace, wrong: dict[str, object]
) -> None:
    claim = await running(namespace)
    await namespace.redis.zadd(keys.leases(namespace.prefix), {claim.task_id: 1})

    told = await beat(namespace, msgspec.structs.replace(claim, **wrong))

    assert told.lost == (claim.task_id,)
    assert await score(namespace, keys.leases(namespace.prefix), claim.task_id) == 1


@pytest.mark.parametrize("end", ["succeeded", "release", "retry"])
async def test_a_claim_that_was_ended_is_lost_and_not_adopted_again(
    namespace: Namespace, end: str
) -> None:
    claim = await running(namespace)
    await finish(namespace, claim, end)

    assert (await beat(namespace, claim)).lost == (claim.task_id,)
    assert await state(namespace, claim.task_id) == (
        "succeeded" if end == "succeeded" else "queued"
    )


@pytest.mark.parametrize("kind", ["missing", "string"])
async def test_a_task_without_a_record_is_missing(namespace: Namespace, kind: str) -> None:
    key = keys.task(namespace.prefix, TaskId("t1"))
    if kind == "string":
        await namespace.redis.set(key, "x")

    told = await beat(namespace, Token(task_id=TaskId("t1"), fence=1, nonce="n"))

    assert (told.missing, told.lost) == ((("t1",), ()) if kind == "missing" else ((), ("t1",)))
    assert await members(namespace, keys.leases(namespace.prefix)) == []
    await namespace.redis.delete(key)


async def test_a_cancel_is_told_with_each_beat(namespace: Namespace) -> None:
    first, second = await running(namespace), await running(namespace)
    await Tasks(namespace).cancel(first.task_id)
    await Tasks(namespace).cancel(second.task_id, grace_ms=250)

    for _ in range(2):
        told = await beat(namespace, first, second)
        assert told.cancels == {first.task_id: None, second.task_id: 250}


async def test_a_task_that_nobody_claimed_since_it_was_lost_is_adopted_again(
    namespace: Namespace,
) -> None:
    p = namespace.prefix
    claim = await running(namespace)
    log = keys.log(p, claim.task_id, claim.fence)
    await namespace.redis.xadd(log, {"d": "x"})
    await lose(namespace, claim.task_id)
    assert (await fields(namespace, claim.task_id))["lost"] == "1"

    told = await beat(namespace, claim)

    stored = await fields(namespace, claim.task_id)
    assert told.lost == ()
    assert (stored["state"], stored["worker"], stored["lost"]) == ("running", "w", "0")
    assert await line(namespace) == []
    assert await members(namespace, keys.running(p, "q")) == [claim.task_id]
    assert await namespace.redis.ttl(log) == -1
    assert await deadline_from_now_ms(namespace, claim.task_id) > LEASE_MS - 10_000
    assert (await events(namespace))[-1]["event"] == "readopted"
    assert await finish(namespace, claim, "succeeded") == 1


async def test_a_task_that_waits_after_its_second_loss_is_adopted_again(
    namespace: Namespace,
) -> None:
    first = await running(namespace)
    await lose(namespace, first.task_id)
    second = await claim_one(namespace)
    await lose(namespace, second.task_id)
    assert await state(namespace, second.task_id) == "delayed"

    told = await beat(namespace, second)

    assert told.lost == ()
    assert (await fields(namespace, second.task_id))["lost"] == "1"
    assert await members(namespace, keys.delayed(namespace.prefix)) == []


async def test_a_task_that_another_worker_claimed_since_is_not_adopted(
    namespace: Namespace,
) -> None:
    first = await running(namespace, worker="w1")
    await lose(namespace, first.task_id)
    second = await claim_one(namespace, worker="w2")

    assert (await beat(namespace, first, worker="w1")).lost == (first.task_id,)
    assert (await beat(namespace, second, worker="w2")).lost == ()


async def test_a_redis_that_came_back_older_costs_nothing(namespace: Namespace) -> None:
    claim = await running(namespace)
    await forget_a_claim(namespace, claim.task_id)

    told = await beat(namespace, claim)

    stored = await fields(namespace, claim.task_id)
    assert told.lost == ()
    assert (stored["state"], stored["fence"], stored["nonce"]) == ("running", "1", claim.nonce)
    assert "lost" not in stored
    assert await line(namespace) == []
    assert await finish(namespace, claim, "succeeded") == 1


async def test_the_same_fence_with_another_nonce_is_not_adopted(namespace: Namespace) -> None:
    first = await running(namespace, worker="w1")
    await forget_a_claim(namespace, first.task_id)
    second = await claim_one(namespace, worker="w2")
    assert second.fence == first.fence
    await lose(namespace, second.task_id)

    assert (await beat(namespace, first, worker="w1")).lost == (first.task_id,)


async def hold_claims(namespace: Namespace, until: int | None = None) -> None:
    """Let Redis have come back just now."""
    until = await now_ms(namespace) + 10_000 if until is None else until
    await namespace.redis.hset(keys.globals_(namespace.prefix), "hold_claims_until", until)


async def as_of(namespace: Namespace, task_id: TaskId, old: Token, worker: str) -> None:
    """Let Redis have come back to when an older claim of a task ran."""
    p, redis = namespace.prefix, namespace.redis
    now_worker = (await fields(namespace, task_id))["worker"]
    fence: dict[Any, Any] = {"fence": old.fence, "nonce": old.nonce, "worker": worker}
    await redis.hset(keys.task(p, task_id), mapping=fence)
    await redis.hdel(keys.task(p, task_id), "finished")
    await redis.smove(keys.held(p, now_worker), keys.held(p, worker), task_id)


@pytest.mark.parametrize("is_held", [True, False])
async def test_the_newest_claim_counts_where_redis_came_back_to_one_that_had_ended(
    namespace: Namespace, is_held: bool
) -> None:
    old = await running(namespace, worker="w1")
    await finish(namespace, old, "retry")
    new = await claim_one(namespace, worker="w2")
    await as_of(namespace, new.task_id, old, "w1")
    await hold_claims(namespace, None if is_held else 1)

    told = await beat(namespace, new, worker="w2")

    assert told.lost == (() if is_held else (new.task_id,))
    stored = await fields(namespace, new.task_id)
    holder = new if is_held else old
    assert (stored["state"], stored["fence"], stored["nonce"]) == (
        *("running", str(holder.fence)),
        holder.nonce,
    )
    held = keys.held(namespace.prefix, "w2" if is_held else "w1")
    assert await namespace.redis.smembers(held) == {new.task_id.encode()}
    assert await finish(namespace, old, "retry") == (-2 if is_held else 1)


@pytest.mark.parametrize("is_held", [True, False])
async def test_the_end_of_the_newest_claim_counts_where_redis_came_back_to_one_that_had_ended(
    namespace: Namespace, is_held: bool
) -> None:
    old = await running(namespace, worker="w1")
    await finish(namespace, old, "release")
    new = await claim_one(namespace, worker="w2")
    await as_of(namespace, new.task_id, old, "w1")
    await hold_claims(namespace, None if is_held else 1)

    assert await finish(namespace, new, "succeeded") == (1 if is_held else -2)

    assert await state(namespace, new.task_id) == ("succeeded" if is_held else "running")
    left = await namespace.redis.exists(keys.held(namespace.prefix, "w1"))
    assert bool(left) != is_held


@pytest.mark.parametrize("is_held", [True, False])
async def test_a_claim_that_redis_forgot_had_room_under_its_key(
    namespace: Namespace, is_held: bool
) -> None:
    key: dict[str, Any] = {"concurrency_key": "k"}
    claim = await running(namespace, worker="w1", **key)
    await forget_a_claim(namespace, claim.task_id)
    await namespace.redis.zrem(keys.holders(namespace.prefix, "k"), claim.task_id)
    other = Token(task_id=TaskId("ended"), fence=1, nonce="n")  # its end was forgotten, too
    await namespace.redis.zadd(keys.holders(namespace.prefix, "k"), {other.task_id: 1})
    await hold_claims(namespace, None if is_held else 1)

    told = await beat(namespace, claim, worker="w1")

    assert told.lost == (() if is_held else (claim.task_id,))
    await namespace.redis.zrem(keys.holders(namespace.prefix, "k"), other.task_id)


async def test_a_cancel_that_redis_forgot_nothing_of_is_honoured(namespace: Namespace) -> None:
    claim = await running(namespace)
    await Tasks(namespace).cancel(claim.task_id)
    await forget_a_claim(namespace, claim.task_id)

    assert (await beat(namespace, claim)).cancels == {claim.task_id: None}


async def test_a_task_that_was_cancelled_while_its_worker_was_away_is_lost(
    namespace: Namespace,
) -> None:
    claim = await running(namespace)
    await Tasks(namespace).cancel(claim.task_id)
    await lose(namespace, claim.task_id)

    assert (await beat(namespace, claim)).lost == (claim.task_id,)
    assert await state(namespace, claim.task_id) == "cancelled"


async def whole_beats(namespace: Namespace, count: int, *held: Token) -> list[tuple[TaskId, ...]]:
    """Beat with the clock of the leases and beats moved back by ten seconds before each."""
    p, redis = namespace.prefix, namespace.redis
    given_back = []
    for _ in range(count):
        worker = keys.worker(p, "w")
        for field in ("beat_ended", "beat_ended_before"):
            if int(await redis.hget(worker, field) or 0):
                await redis.hincrby(worker, field, -10_000)
        for task_id in await members(namespace, keys.leases(p)):
            await redis.zincrby(keys.leases(p), -10_000, task_id)
        given_back.append((await beat(namespace, *held)).given_back)
    return given_back


async def test_a_claim_that_never_arrived_is_given_back_uncharged(namespace: Namespace) -> None:
    await whole_beats(namespace, 2)
    known = await running(namespace)
    (lost_reply,) = await add(namespace)
    await claim(namespace)  # nobody reads the answer
    log = keys.log(namespace.prefix, lost_reply, 1)
    await namespace.redis.xadd(log, {"d": "x"})

    given_back = await whole_beats(namespace, 4, known)

    assert given_back == [(), (), (lost_reply,), ()]
    stored = await fields(namespace, lost_reply)
    assert stored["state"] == "queued"
    assert not {"attempt", "lost"} & stored.keys()
    assert await line(namespace) == [lost_reply]
    assert await state(namespace, known.task_id) == "running"
    assert 0 < await namespace.redis.pttl(log) <= retention.LOG_MS
    assert len(await events(namespace, "given_back")) == 1


async def test_what_was_given_back_is_not_adopted_again(namespace: Namespace) -> None:
    await whole_beats(namespace, 2)
    claim = await running(namespace)
    await whole_beats(namespace, 3)

    assert (await beat(namespace, claim)).lost == (claim.task_id,)


async def test_a_clock_that_was_set_back_gives_nothing_back(namespace: Namespace) -> None:
    known = await running(namespace)
    await whole_beats(namespace, 2, known)
    far = await now_ms(namespace) + 3_600_000
    before: dict[Any, Any] = {"beat_ended": far, "beat_ended_before": far - 5_000}
    await namespace.redis.hset(keys.worker(namespace.prefix, "w"), mapping=before)
    on_its_way = await running(namespace)

    first = await beat(namespace, known)
    second = await beat(namespace, known, on_its_way)

    assert (first.given_back, second.given_back) == ((), ())
    assert await state(namespace, known.task_id) == "running"


async def test_a_cancelled_task_that_is_given_back_lets_the_next_one_in(
    namespace: Namespace,
) -> None:
    await whole_beats(namespace, 2)
    claim = await running(namespace)
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "max_running", "1")
    await steps.claim(namespace, worker="w2", park=True)
    await add(namespace)
    await Tasks(namespace).cancel(claim.task_id)
    assert await messages(namespace, "w2") == []

    await whole_beats(namespace, 3)

    assert await messages(namespace, "w2") == [{"c": "wake", "q": "q"}]


async def test_a_task_that_was_to_be_cancelled_is_not_given_back(namespace: Namespace) -> None:
    await whole_beats(namespace, 2)
    claim = await running(namespace)
    await Tasks(namespace).cancel(claim.task_id)

    assert (await whole_beats(namespace, 3))[-1] == (claim.task_id,)
    assert await state(namespace, claim.task_id) == "cancelled"


async def test_the_parts_of_a_beat_count_as_one(namespace: Namespace) -> None:
    await whole_beats(namespace, 2)
    first, second = await running(namespace), await running(namespace)

    for _ in range(4):
        await whole_beats(namespace, 0)
        await beat(namespace, first, is_last=False)
        told = await beat(namespace, second, is_last=True)
        assert told.given_back == ()
    missing = [await whole_beats(namespace, 1, first) for _ in range(3)]

    assert missing[-1] == [(second.task_id,)]


async def test_hundreds_of_leases_are_renewed_by_one_beat(namespace: Namespace) -> None:
    await add(namespace, 300)
    claims = [c for _ in range(2) for c in (await claim(namespace, limit=150)).claims]
    p = namespace.prefix
    await namespace.redis.zadd(keys.leases(p), {c.task_id: 1 for c in claims})
    stranger = Token(task_id=TaskId("t1"), fence=1, nonce="n")

    told = await beat(namespace, stranger, *claims)

    assert (told.missing, told.lost) == (("t1",), ())
    assert told.given_back == ()
    assert await namespace.redis.zcount(keys.leases(p), "-inf", 1) == 0


async def test_one_worker_ticks_until_it_is_silent_for_ten_seconds(namespace: Namespace) -> None:
    async def who() -> list[bool]:
        return [(await beat(namespace, worker=w)).is_ticker for w in ("w1", "w2")]

    elected = [await who(), await who()]
    await namespace.redis.hset(keys.globals_(namespace.prefix), "ticker_until", "1")
    second = (await beat(namespace, worker="w2")).is_ticker

    assert elected == [[True, False], [True, False]]
    assert second
    assert not (await beat(namespace, worker="w1")).is_ticker


@pytest.mark.parametrize(("lease_ms", "elected_ms"), [(60_000, 10_000), (3_000, 500)])
async def test_whoever_ticks_is_replaced_well_within_a_lease(
    namespace: Namespace, lease_ms: int, elected_ms: int
) -> None:
    before_ms = await now_ms(namespace)
    await beat(namespace, worker="w1", ttl_ms=lease_ms)

    until_ms = await namespace.redis.hget(keys.globals_(namespace.prefix), "ticker_until")
    assert until_ms is not None
    assert before_ms <= int(until_ms) - elected_ms <= await now_ms(namespace)


async def test_a_clock_that_was_set_back_leaves_a_ticker(namespace: Namespace) -> None:
    await beat(namespace, worker="w1")
    far = await now_ms(namespace) + 3_600_000
    await namespace.redis.hset(keys.globals_(namespace.prefix), "ticker_until", far)

    assert (await beat(namespace, worker="w2")).is_ticker


async def test_a_beat_tells_how_many_shapes_there_are_and_what_to_do(namespace: Namespace) -> None:
    await add(namespace)
    before = await beat(namespace)
    await Draining(namespace, who="ada").drain("w")

    after = await beat(namespace)

    assert (before.shape_count, before.command, before.is_paused) == (1, "", False)
    assert (after.command, after.told_by, after.is_paused) == ("drain", "ada", False)
    await Draining(namespace, who="bob").pause("w")
    await WorkerLabels(namespace).change("w", {"site": "north"}, remove=["old"])
    paused = await beat(namespace)
    assert (paused.command, paused.is_paused, paused.paused_by) == ("drain", True, "bob")
    assert paused.labels == {"site": "=north", "old": "-"}


async def test_what_a_worker_is_told_lives_for_thirty_days_from_its_last_beat(
    namespace: Namespace,
) -> None:
    await beat(namespace)
    await Draining(namespace).pause("w")
    await WorkerLabels(namespace).change("w", {"site": "north"})
    kept = [keys.command(namespace.prefix, "w"), keys.worker_labels(namespace.prefix, "w")]
    for key in kept:
        await namespace.redis.pexpire(key, 1_000_000)

    await beat(namespace)

    for key in kept:
        assert 29 * 86_400_000 < await namespace.redis.pttl(key) <= 30 * 86_400_000


async def test_of_a_thousand_those_that_never_arrived_are_given_back_at_once(
    namespace: Namespace,
) -> None:
    await add(namespace, 1_200)
    held: list[Token] = []
    while len(held) < 1_200:
        held += (await claim(namespace, limit=200)).claims
    lost = held[::60]
    p, now = namespace.prefix, await now_ms(namespace)
    for token in lost:
        await namespace.redis.zincrby(keys.leases(p), -30_000, token.task_id)
    for field, ago_ms in (("beat_ended", 5_000), ("beat_ended_before", 10_000)):
        await namespace.redis.hset(keys.worker(p, "w"), field, str(now - ago_ms))

    told = await beat(namespace, *(token for token in held if token not in lost))

    assert set(told.given_back) == {token.task_id for token in lost}
