from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace

from .steps import add, beat, claim, claim_one, messages, running


async def test_a_worker_that_rests_is_not_woken_and_another_one_is(namespace: Namespace) -> None:
    await running(namespace, worker="busy")  # the queue knows its shape
    for worker in ("w", "other"):
        assert (await claim(namespace, worker=worker, park=True)).parked

    await Leases(namespace).rest("w")
    await add(namespace)

    assert await messages(namespace, "w") == []
    assert [m["c"] for m in await messages(namespace, "other")] == ["wake"]


async def test_what_a_resting_worker_was_woken_for_wakes_another(namespace: Namespace) -> None:
    await running(namespace, worker="busy")
    for worker in ("w", "other"):
        await claim(namespace, worker=worker, park=True)
    await add(namespace)
    (woken,) = [w for w in ("w", "other") if await messages(namespace, w)]
    (asleep,) = {"w", "other"} - {woken}

    await Leases(namespace).rest(woken)

    assert [m["c"] for m in await messages(namespace, asleep)] == ["wake"]
    await Leases(namespace).rest(woken)
    assert len(await messages(namespace, asleep)) == 1


async def test_a_worker_that_rested_claims_and_parks_again(namespace: Namespace) -> None:
    await running(namespace, worker="busy")
    await claim(namespace, park=True)
    await Leases(namespace).rest("w")
    await add(namespace)

    assert (await claim_one(namespace)).queue == "q"
    assert (await claim(namespace, park=True)).parked


async def test_resting_makes_no_worker(namespace: Namespace) -> None:
    await Leases(namespace).rest("w")

    assert [k async for k in namespace.redis.scan_iter(match=f"{namespace.prefix}*")] == []
    await beat(namespace)  # and harms none
    await Leases(namespace).rest("w")
