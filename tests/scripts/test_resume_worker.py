from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace

from .steps import add, beat, claim, messages, now_ms, running


async def test_a_resumed_worker_claims_again(namespace: Namespace) -> None:
    await running(namespace)
    (waiting,) = await add(namespace)
    await Draining(namespace).pause("w")

    assert await Draining(namespace).resume("w") is True

    assert [m["c"] for m in await messages(namespace)] == ["look", "look"]
    assert not (await beat(namespace)).is_paused
    assert [c.task_id for c in (await claim(namespace)).claims] == [waiting]
    assert not await namespace.redis.exists(keys.command(namespace.prefix, "w"))


async def test_resume_tells_nothing_to_a_worker_that_is_not_paused(namespace: Namespace) -> None:
    await beat(namespace)
    await Draining(namespace).drain("w")

    assert await Draining(namespace).resume("w") is False

    assert [m["c"] for m in await messages(namespace)] == ["look"]  # of the drain
    assert (await beat(namespace)).command == "drain"


async def test_a_worker_is_opened_for_a_while_whether_it_is_paused_or_not(
    namespace: Namespace,
) -> None:
    await beat(namespace)
    assert (await beat(namespace)).open_until_ms == 0
    before = await now_ms(namespace)

    assert await Draining(namespace).resume("w", for_ms=7_200_000) is True

    told = await beat(namespace)
    assert before <= told.open_until_ms - 7_200_000 <= await now_ms(namespace)
    assert [m["c"] for m in await messages(namespace)] == ["look"]
    await Draining(namespace).pause("w")
    assert await Draining(namespace).resume("w", for_ms=1) is True
    again = await beat(namespace)
    assert not again.is_paused
    assert 0 < again.open_until_ms < told.open_until_ms
    assert await Draining(namespace).resume("nobody", for_ms=1) is None
