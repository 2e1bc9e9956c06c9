"""From whom a task must be kept apart, and how often its service ended soon: kept with it."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.recreation import Recreation

from .steps import (
    DIGEST,
    LEASE_MS,
    UPLOAD,
    add,
    claim_one,
    fields,
    finish,
    lose,
    running,
)


async def test_a_claim_tells_what_the_one_before_said(namespace: Namespace) -> None:
    first = await running(namespace, retry="restart always")
    assert first.isolation == 0
    assert "isolation" not in await fields(namespace, first.task_id)

    await finish(namespace, first, "release", isolation=2, retry="restart always 7")
    second = await claim_one(namespace)
    assert (second.isolation, second.retry) == (2, "restart always 7")

    await finish(namespace, second, "release")
    third = await claim_one(namespace)
    assert (third.isolation, third.retry) == (2, "restart always 7")

    await lose(namespace, third.task_id)
    assert (await claim_one(namespace)).isolation == 2


@pytest.mark.parametrize("outcome", ["failed", "retry", "lost"])
async def test_every_end_may_tell_it(namespace: Namespace, outcome: str) -> None:
    claim = await running(namespace)

    await finish(namespace, claim, outcome, isolation=4)

    assert (await fields(namespace, claim.task_id))["isolation"] == "4"


async def test_an_end_that_does_not_count_tells_nothing(namespace: Namespace) -> None:
    old = await running(namespace)
    await lose(namespace, old.task_id)
    held = await claim_one(namespace)

    await finish(namespace, old, "release", isolation=3, retry="x")

    stored = await fields(namespace, held.task_id)
    assert "isolation" not in stored
    assert "retry" not in stored


@pytest.mark.parametrize(("stored", "told"), [("-1", 0), ("9", 4), ("x", 0), ("9" * 30, 0)])
async def test_whatever_is_stored_is_told_within_its_bounds(
    namespace: Namespace, stored: str, told: int
) -> None:
    (task_id,) = await add(namespace)
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), "isolation", stored)

    assert (await claim_one(namespace)).isolation == told


async def test_a_task_that_is_reset_is_kept_apart_from_nobody(namespace: Namespace) -> None:
    claim = await running(namespace, retry="restart on-failure")
    await finish(namespace, claim, "failed", isolation=4, retry="restart on-failure 12")

    await Drafts(namespace).reset(claim.task_id)

    stored = await fields(namespace, claim.task_id)
    assert "isolation" not in stored
    assert stored["retry"] == "restart on-failure"


async def test_a_record_that_is_made_anew_keeps_it(namespace: Namespace) -> None:
    light = Need(light=True)
    await add(namespace, need=light, retry="restart always")
    first = await claim_one(namespace, needs=(light,))
    await finish(namespace, first, "release", isolation=3, retry="restart always 5")
    held = await claim_one(namespace, needs=(light,))
    p, redis = namespace.prefix, namespace.redis
    await redis.delete(*[key async for key in redis.scan_iter(match=f"{p}*")])

    known = Recreation(claim=held, need=light, definition=UPLOAD[DIGEST])
    await Leases(namespace).recreate("w", known, lease_ms=LEASE_MS)

    stored = await fields(namespace, held.task_id)
    assert (stored["isolation"], stored["retry"]) == ("3", "restart always 5")
    assert stored["shape"] == shape_id(light)
    await finish(namespace, held, "release")
    assert (await claim_one(namespace, needs=(light,))).isolation == 3
