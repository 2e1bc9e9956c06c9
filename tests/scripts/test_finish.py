import msgspec
import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys, retention
from rq_agent.broker.claims import Finish, FinishCode, Outcome
from rq_agent.broker.history import history
from rq_agent.broker.leases import Leases
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.runs import runs_of
from rq_agent.broker.statistics import Statistics
from rq_agent.broker.tasks import Tasks

from . import steps
from .steps import (
    add,
    claim,
    claim_one,
    events,
    extra,
    fields,
    finish,
    forget_a_claim,
    line,
    lose,
    members,
    now_ms,
    running,
    score,
    state,
)

FINALS = ("succeeded", "failed", "errored", "timed_out", "cancelled")


@pytest.mark.parametrize("outcome", FINALS)
async def test_a_final_outcome_ends_the_task(namespace: Namespace, outcome: str) -> None:
    claim = await running(namespace)

    code = await finish(namespace, claim, outcome, exit_code=3, reason="exit 3", result=b"R")

    p = namespace.prefix
    assert code == FinishCode.APPLIED
    stored = await fields(namespace, claim.task_id)
    assert (stored["state"], stored["exit_code"], stored["worker"]) == (outcome, "3", "w")
    assert abs(int(stored["finished_ms"]) - await now_ms(namespace)) < 10_000
    assert (await extra(namespace, claim.task_id))["reason"] == "exit 3"
    assert await namespace.redis.get(keys.result(p, claim.task_id)) == b"R"
    purge_at = await score(namespace, keys.done(p), claim.task_id)
    assert purge_at == int(stored["finished_ms"]) + retention.RECORD_MS
    for key in (keys.leases(p), keys.running(p, "q"), keys.held(p, "w")):
        assert not await namespace.redis.exists(key)
    assert (await events(namespace))[-1]["event"] == outcome


async def test_a_code_that_is_not_known_is_not_written(namespace: Namespace) -> None:
    claim = await running(namespace)

    await finish(namespace, claim, "errored", reason="supervisor lost")

    assert "exit_code" not in await fields(namespace, claim.task_id)


@pytest.mark.parametrize("outcome", [*FINALS, "retry", "release", "lost"])
async def test_a_finish_that_is_sent_again_is_a_replay(namespace: Namespace, outcome: str) -> None:
    claim = await running(namespace)

    codes = [await finish(namespace, claim, outcome) for _ in range(3)]

    assert codes == [FinishCode.APPLIED, FinishCode.REPLAY, FinishCode.REPLAY]
    assert len(await events(namespace, outcome)) == 1
    record = await Lookups(namespace).record(claim.task_id)
    assert record.attempt == (2 if outcome == "retry" else 1)


async def test_a_replay_is_known_also_after_the_next_claim(namespace: Namespace) -> None:
    first = await running(namespace)
    await finish(namespace, first, "release")
    second = await claim_one(namespace, worker="w2")

    assert await finish(namespace, first, "release") == FinishCode.REPLAY
    assert await finish(namespace, first, "succeeded") == FinishCode.FENCED
    assert await finish(namespace, second, "succeeded") == FinishCode.APPLIED


@pytest.mark.parametrize("wrong", [{"fence": 2}, {"fence": 0}, {"nonce": "other"}])
async def test_another_claim_can_not_end_the_task(
    namespace: Namespace, wrong: dict[str, object]
) -> None:
    claim = await running(namespace)
    before = await fields(namespace, claim.task_id)

    code = await finish(namespace, msgspec.structs.replace(claim, **wrong), "succeeded")

    assert code == FinishCode.FENCED
    assert await fields(namespace, claim.task_id) == before
    assert await members(namespace, keys.leases(namespace.prefix)) == [claim.task_id]


async def test_a_second_outcome_of_one_claim_is_fenced(namespace: Namespace) -> None:
    claim = await running(namespace)
    await finish(namespace, claim, "succeeded")

    assert await finish(namespace, claim, "failed") == FinishCode.FENCED
    assert await state(namespace, claim.task_id) == "succeeded"


@pytest.mark.parametrize("losses", [1, 2])
async def test_the_end_of_a_lost_claim_counts_while_nobody_else_has_claimed(
    namespace: Namespace, losses: int
) -> None:
    claim = await running(namespace)
    for _ in range(losses - 1):
        await lose(namespace, claim.task_id)
        claim = await claim_one(namespace)
    await lose(namespace, claim.task_id)

    assert await finish(namespace, claim, "succeeded") == FinishCode.APPLIED
    assert await finish(namespace, claim, "succeeded") == FinishCode.REPLAY
    stored = await fields(namespace, claim.task_id)
    assert (stored["state"], stored["lost"]) == ("succeeded", str(losses - 1))
    assert not (await steps.claim(namespace, worker="w2")).claims
    assert await members(namespace, keys.delayed(namespace.prefix)) == []


async def test_the_end_of_a_claim_that_redis_forgot_counts(namespace: Namespace) -> None:
    claim = await running(namespace)
    await forget_a_claim(namespace, claim.task_id)

    assert await finish(namespace, claim, "failed", exit_code=3) == FinishCode.APPLIED
    assert await state(namespace, claim.task_id) == "failed"
    assert not (await steps.claim(namespace, worker="w2")).claims


async def test_a_lost_task_that_another_worker_claimed_can_not_be_ended(
    namespace: Namespace,
) -> None:
    claim = await running(namespace)
    await lose(namespace, claim.task_id)
    await claim_one(namespace, worker="w2")

    assert await finish(namespace, claim, "succeeded") == FinishCode.FENCED
    assert await state(namespace, claim.task_id) == "running"


async def test_the_end_of_an_older_claim_is_told_once_after_each_claim(
    namespace: Namespace,
) -> None:
    first = await running(namespace)
    await finish(namespace, first, "release")
    second = await claim_one(namespace, worker="w2")

    for outcome in ("succeeded", "failed", "errored"):
        assert await finish(namespace, first, outcome) == FinishCode.FENCED
    stranger = msgspec.structs.replace(first, fence=-5, nonce="x")
    assert await finish(namespace, stranger, "failed") == FinishCode.FENCED
    assert len(await events(namespace, "fenced")) == 1
    await finish(namespace, second, "succeeded")
    assert await finish(namespace, second, "failed") == FinishCode.FENCED
    assert await finish(namespace, first, "succeeded") == FinishCode.FENCED

    [told] = await events(namespace, "fenced")
    assert (told["id"], told["fence"], told["outcome"]) == (first.task_id, "1", "succeeded")
    steps_of_it = await history(namespace, first.task_id)
    assert [s.detail for s in steps_of_it if s.event == "fenced"] == ["succeeded of claim 1"]
    assert [run.end for run in runs_of(steps_of_it, second.fence)] == ["release", "succeeded"]


async def test_a_lost_claim_can_not_be_ended_twice(namespace: Namespace) -> None:
    claim = await running(namespace)
    await finish(namespace, claim, "release")

    assert await finish(namespace, claim, "succeeded") == FinishCode.FENCED
    assert await state(namespace, claim.task_id) == "queued"


@pytest.mark.parametrize("kind", ["missing", "string"])
async def test_a_task_without_a_record_is_gone(namespace: Namespace, kind: str) -> None:
    claim = await running(namespace)
    key = keys.task(namespace.prefix, claim.task_id)
    await namespace.redis.delete(key)
    if kind == "string":
        await namespace.redis.set(key, "x")

    assert await finish(namespace, claim, "succeeded") == FinishCode.GONE
    await namespace.redis.delete(key)


async def test_a_release_puts_the_task_back_into_its_place(namespace: Namespace) -> None:
    ids = await add(namespace, 3)
    first = await claim_one(namespace)

    await finish(namespace, first, "release", delay_ms=5_000)

    stored = await fields(namespace, first.task_id)
    assert await line(namespace) == ids
    assert (stored["state"], stored["attempt"], stored.get("lost")) == ("queued", "1", None)
    assert not {"worker", "phase", "started_ms", "finished_ms"} & stored.keys()


async def test_a_retry_is_charged_and_keeps_the_place(namespace: Namespace) -> None:
    ids = await add(namespace, 3)

    await finish(namespace, await claim_one(namespace), "retry")

    assert await line(namespace) == ids
    assert (await claim_one(namespace)).attempt == 2


async def test_a_claim_that_was_lost_whole_puts_the_task_back_and_is_charged_as_a_loss(
    namespace: Namespace,
) -> None:
    ids = await add(namespace, 3)
    first = await claim_one(namespace)
    log = keys.log(namespace.prefix, first.task_id, 1)
    await namespace.redis.xadd(log, {"d": "x"})

    assert await finish(namespace, first, "lost", reason="its process is gone") == 1

    stored = await fields(namespace, first.task_id)
    assert await line(namespace) == ids
    assert (stored["state"], stored["lost"], stored.get("attempt")) == ("queued", "1", None)
    assert not {"worker", "phase", "started_ms", "finished_ms"} & stored.keys()
    assert 0 < await namespace.redis.pttl(log) <= retention.LOG_MS
    (lost,) = await events(namespace, "lost")
    assert (lost["worker"], lost["fence"]) == ("w", "1")
    told = (await history(namespace, first.task_id))[-1]
    assert (told.event, told.detail) == ("lost", "w its process is gone")
    counted = await Statistics(namespace).latest(["q"], 5)
    assert counted["q"].counts.lost == 1


async def test_claims_that_are_lost_whole_wait_longer_each_time_until_the_task_is_dead(
    namespace: Namespace,
) -> None:
    p = namespace.prefix
    (task_id,) = await add(namespace, max_lost=2)
    waits = []

    for _ in range(3):
        await finish(namespace, await claim_one(namespace), "lost")
        if (due := await score(namespace, keys.delayed(p), task_id)) is not None:
            waits.append(round((due - await now_ms(namespace)) / 1000))
            await namespace.redis.zadd(keys.delayed(p), {task_id: 1})
            await steps.tick(namespace)

    assert waits == [4]
    assert await state(namespace, task_id) == "dead"
    assert await members(namespace, keys.dead(p)) == [task_id]


async def test_a_claim_that_was_lost_whole_is_not_adopted_again(namespace: Namespace) -> None:
    claim = await running(namespace)
    await finish(namespace, claim, "lost")

    assert (await steps.beat(namespace, claim)).lost == (claim.task_id,)
    assert await finish(namespace, claim, "succeeded") == FinishCode.FENCED


async def test_a_loss_that_was_counted_when_the_lease_ran_out_is_not_counted_again(
    namespace: Namespace,
) -> None:
    claim = await running(namespace)
    await lose(namespace, claim.task_id)

    codes = [await finish(namespace, claim, "lost") for _ in range(2)]

    assert codes == [FinishCode.APPLIED, FinishCode.REPLAY]
    assert (await fields(namespace, claim.task_id))["lost"] == "1"
    assert len(await events(namespace, "lost")) == 1
    assert (await steps.beat(namespace, claim)).lost == (claim.task_id,)


async def test_the_loss_of_a_claim_that_redis_forgot_is_counted(namespace: Namespace) -> None:
    claim = await running(namespace)
    await forget_a_claim(namespace, claim.task_id)

    assert await finish(namespace, claim, "lost") == FinishCode.APPLIED
    stored = await fields(namespace, claim.task_id)
    assert (stored["state"], stored["lost"], stored["fence"]) == ("queued", "1", "1")
    assert await line(namespace) == [claim.task_id]


async def test_a_retry_can_wait(namespace: Namespace) -> None:
    claim = await running(namespace)

    await finish(namespace, claim, "retry", delay_ms=5_000)

    due = await score(namespace, keys.delayed(namespace.prefix), claim.task_id)
    assert await state(namespace, claim.task_id) == "delayed"
    assert due is not None
    assert 0 < due - await now_ms(namespace) <= 5_000
    assert await line(namespace) == []


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        *(("retry", "cancelled"), ("release", "cancelled"), ("lost", "cancelled")),
        ("succeeded", "succeeded"),
    ],
)
async def test_a_task_that_is_to_be_cancelled_does_not_run_once_more(
    namespace: Namespace, outcome: str, end: str
) -> None:
    claim = await running(namespace)
    await Tasks(namespace).cancel(claim.task_id)

    codes = [await finish(namespace, claim, outcome) for _ in range(2)]

    assert codes == [FinishCode.APPLIED, FinishCode.REPLAY]
    assert await state(namespace, claim.task_id) == end


async def test_the_log_of_an_attempt_that_ended_goes_after_a_while(namespace: Namespace) -> None:
    claim = await running(namespace)
    key = keys.log(namespace.prefix, claim.task_id, claim.fence)
    await namespace.redis.xadd(key, {"d": "x"})

    await finish(namespace, claim, "release")

    assert retention.LOG_MS - 10_000 < await namespace.redis.pttl(key) <= retention.LOG_MS


async def test_many_finishes_are_answered_in_their_order(namespace: Namespace) -> None:
    await add(namespace, 450)
    claims = [c for _ in range(3) for c in (await claim(namespace, limit=150)).claims]
    await finish(namespace, claims[7], "succeeded")
    codes = await Leases(namespace).finish(
        [Finish(claim=c, outcome=Outcome.SUCCEEDED) for c in claims]
    )

    assert [n for n, code in enumerate(codes) if code != FinishCode.APPLIED] == [7]
    assert codes[7] == FinishCode.REPLAY
    assert await namespace.redis.zcard(keys.done(namespace.prefix)) == 450


async def test_no_finish_at_all_asks_nothing(namespace: Namespace) -> None:
    assert await Leases(namespace).finish([]) == []


async def test_an_unknown_outcome_is_refused_before_anything_is_written(
    namespace: Namespace,
) -> None:
    claim = await running(namespace)
    good: list[str | int] = [
        claim.task_id,
        claim.fence,
        claim.nonce,
        "succeeded",
        "",
        1,
        "",
        0,
        *[""] * 3,
    ]
    bad: list[str | int] = [claim.task_id, claim.fence, claim.nonce, "queued", "", 0]

    with pytest.raises(ResponseError, match="no such outcome: queued"):
        await namespace.scripts.finish([1, 1, 1, 2, *good, *bad])

    assert await state(namespace, claim.task_id) == "running"
