"""finish.lua where a command of it fails: an end is whole, or still to be told."""

import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim, Finish, FinishCode, Outcome
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace

from .steps import add, claim, fields, members, state

SHARED = {
    "done": keys.done,
    "arc": keys.unarchived,
    "ev": keys.events,
    "lease": keys.leases,
    "failed": lambda p: keys.index(p, "state", "failed"),
    "run": lambda p: keys.running(p, "q"),
    "held": lambda p: keys.held(p, "w"),
    "delay": keys.delayed,
}


def ends_of(claims: tuple[Claim, ...]) -> list[Finish]:
    outcomes = ("succeeded", "failed", "retry", "succeeded", "failed")
    return [
        Finish(claim=each, outcome=Outcome(outcome), result=b"R", delay_ms=60_000)
        for each, outcome in zip(claims, outcomes, strict=True)
    ]


@pytest.mark.parametrize("name", SHARED)
async def test_an_end_is_whole_when_the_call_is_made_again(namespace: Namespace, name: str) -> None:
    p, redis = namespace.prefix, namespace.redis
    broken = SHARED[name](p)
    await add(namespace, 5)
    claims = (await claim(namespace, limit=5)).claims
    ends = ends_of(claims)
    await redis.delete(broken)
    await redis.set(broken, "not ours")

    try:
        await Leases(namespace).finish(ends)
    except ResponseError as e:
        assert "WRONGTYPE" in str(e)  # noqa: PT017
    await redis.delete(broken)
    codes = await Leases(namespace).finish(ends)

    assert set(codes) <= {FinishCode.APPLIED, FinishCode.REPLAY}
    for end in ends:
        task_id = end.claim.task_id
        if end.outcome == "retry":
            assert (await fields(namespace, task_id))["attempt"] == "2"
            assert await state(namespace, task_id) == "delayed"
            continue
        assert await state(namespace, task_id) == end.outcome
        assert await redis.get(keys.result(p, task_id)) == b"R"
        for index in (keys.done(p), keys.unarchived(p), keys.index(p, "state", end.outcome)):
            assert task_id in await members(namespace, index)
    for key in (keys.leases(p), keys.running(p, "q"), keys.held(p, "w")):
        assert not await redis.exists(key)


async def test_two_ends_of_one_claim_in_one_call_are_one(namespace: Namespace) -> None:
    await add(namespace, 1)
    (each,) = (await claim(namespace)).claims
    end = Finish(claim=each, outcome=Outcome("succeeded"), result=b"R")

    assert await Leases(namespace).finish([end, end]) == [FinishCode.APPLIED, FinishCode.REPLAY]
