from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace

from .steps import add, beat, claim, messages, running, state


async def test_a_worker_is_told_to_drain_and_keeps_what_it_runs(namespace: Namespace) -> None:
    held = await running(namespace)
    (waiting,) = await add(namespace)

    assert await Draining(namespace).drain("w")

    assert await messages(namespace) == [{"c": "drain"}]
    assert (await claim(namespace)).claims == ()
    told = await beat(namespace, held)
    assert (told.lost, told.command) == ((), "drain")
    assert await state(namespace, waiting) == "queued"


async def test_a_worker_that_may_go_on_claims_again(namespace: Namespace) -> None:
    await running(namespace)
    (waiting,) = await add(namespace)
    await Draining(namespace).drain("w")

    assert await Draining(namespace).undrain("w")

    assert [m["c"] for m in await messages(namespace)] == ["drain", "undrain"]
    assert [c.task_id for c in (await claim(namespace)).claims] == [waiting]


async def test_undrain_tells_nothing_to_a_worker_that_does_not_drain(namespace: Namespace) -> None:
    await beat(namespace)

    assert not await Draining(namespace).undrain("w")
    assert await messages(namespace) == []


async def test_an_unknown_worker_is_not_made_by_draining_it(namespace: Namespace) -> None:
    assert not await Draining(namespace).drain("nobody")
    assert not await Draining(namespace).undrain("nobody")

    assert not await namespace.redis.exists(keys.worker(namespace.prefix, "nobody"))
