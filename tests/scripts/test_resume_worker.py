from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace

from .steps import add, beat, claim, messages, running


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
