import msgspec
import pytest

from rq_agent.broker.claims import FinishCode, Outcome
from rq_agent.broker.history import history
from rq_agent.broker.leases import Leases
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.runs import runs_of

from .steps import claim_one, events, extra, finish, lose, now_ms, running


async def test_a_task_that_hangs_is_told_with_the_time_since_then(namespace: Namespace) -> None:
    claim = await running(namespace)

    code = await Leases(namespace).hang(claim, still_ms=1_800_000)

    record = await Lookups(namespace).record(claim.task_id)
    why = await Lookups(namespace).why(claim.task_id)
    assert code == FinishCode.APPLIED
    assert record.hanging_since is not None
    assert 1_800_000 <= await now_ms(namespace) - record.hanging_since * 1000 < 1_920_000
    assert [reason.code for reason in why.reasons] == ["running", "hanging"]
    assert "no CPU or GPU use for 30 min" in why.reasons[1].text
    last = (await events(namespace))[-1]
    assert (last["event"], last["since_ms"]) == ("hanging", f"{record.hanging_since * 1000:.0f}")


async def test_a_task_that_moves_again_hangs_no_longer(namespace: Namespace) -> None:
    claim = await running(namespace)
    await Leases(namespace).hang(claim, still_ms=60_000)

    code = await Leases(namespace).hang(claim, still_ms=0)

    why = await Lookups(namespace).why(claim.task_id)
    [run] = runs_of(await history(namespace, claim.task_id), 1)
    assert code == FinishCode.APPLIED
    assert (await Lookups(namespace).record(claim.task_id)).hanging_since is None
    assert [reason.code for reason in why.reasons] == ["running"]
    assert (await events(namespace))[-1]["event"] == "moving"
    assert await extra(namespace, claim.task_id) == {}
    assert run.ended_at is None


async def test_a_later_claim_does_not_hang(namespace: Namespace) -> None:
    claim = await running(namespace)
    await Leases(namespace).hang(claim, still_ms=60_000)
    await finish(namespace, claim, Outcome.RELEASE)

    between = await Lookups(namespace).record(claim.task_id)
    await claim_one(namespace)

    after = await Lookups(namespace).record(claim.task_id)
    assert (between.hanging_since, after.state, after.hanging_since) == (None, "running", None)
    assert len((await Lookups(namespace).why(claim.task_id)).reasons) == 1


@pytest.mark.parametrize("wrong", [{"fence": 0}, {"fence": 2}, {"nonce": "other"}])
async def test_what_another_claim_tells_is_fenced(
    namespace: Namespace, wrong: dict[str, object]
) -> None:
    claim = await running(namespace)

    code = await Leases(namespace).hang(msgspec.structs.replace(claim, **wrong), still_ms=1)

    assert code == FinishCode.FENCED
    assert await extra(namespace, claim.task_id) == {}


async def test_a_task_that_is_lost_hangs_no_more(namespace: Namespace) -> None:
    claim = await running(namespace)
    await lose(namespace, claim.task_id)

    assert await Leases(namespace).hang(claim, still_ms=1) == FinishCode.FENCED


async def test_a_task_without_a_record_is_gone(namespace: Namespace) -> None:
    claim = await running(namespace)
    await namespace.redis.delete(f"{namespace.prefix}t:{claim.task_id}")

    assert await Leases(namespace).hang(claim, still_ms=1) == FinishCode.GONE
    assert await extra(namespace, claim.task_id) == {}


@pytest.mark.parametrize("stored", ["", "1:", "1:x", "2:5", "x" * 100, "1:" + "9" * 40])
async def test_what_somebody_else_stored_means_nothing(namespace: Namespace, stored: str) -> None:
    claim = await running(namespace)
    await namespace.redis.hset(f"{namespace.prefix}x:{claim.task_id}", "hang", stored)

    assert (await Lookups(namespace).record(claim.task_id)).hanging_since is None
    assert len((await Lookups(namespace).why(claim.task_id)).reasons) == 1


async def test_what_is_known_is_not_told_twice(namespace: Namespace) -> None:
    claim = await running(namespace)
    leases = Leases(namespace)
    await leases.hang(claim, still_ms=0)
    before = len(await events(namespace))

    await leases.hang(claim, still_ms=90_000)
    first = (await extra(namespace, claim.task_id))["hang"]
    await leases.hang(claim, still_ms=1)

    assert (await extra(namespace, claim.task_id))["hang"] == first
    await leases.hang(claim, still_ms=0)
    await leases.hang(claim, still_ms=0)
    assert [e["event"] for e in (await events(namespace))[before:]] == ["hanging", "moving"]
