from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Workers

from .steps import add, beat, claim, decoded, messages, now_ms, running, state, tick


async def test_a_paused_worker_claims_nothing_and_keeps_what_it_runs(namespace: Namespace) -> None:
    held = await running(namespace)
    (waiting,) = await add(namespace)

    assert await Draining(namespace, who="ada").pause("w") is True

    assert await messages(namespace) == [{"c": "look"}]
    claimed = await claim(namespace, "q", "empty", park=True)
    assert (claimed.claims, claimed.parked, claimed.again) == ((), False, False)
    told = await beat(namespace, held)
    assert (told.lost, told.command, told.is_paused, told.paused_by) == ((), "", True, "ada")
    assert await state(namespace, waiting) == "queued"


async def test_pausing_twice_keeps_who_did_it_first(namespace: Namespace) -> None:
    await beat(namespace)
    before = await now_ms(namespace)
    await Draining(namespace, who="ada").pause("w")

    assert await Draining(namespace, who="bob").pause("w") is False

    stored = decoded(await namespace.redis.hgetall(keys.command(namespace.prefix, "w")))
    assert before <= int(stored.pop("paused_ms")) <= await now_ms(namespace)
    assert stored == {"paused": "1", "paused_who": "ada"}


async def test_a_worker_that_is_not_there_is_neither_paused_nor_resumed(
    namespace: Namespace,
) -> None:
    assert await Draining(namespace).pause("nobody") is None
    assert await Draining(namespace).resume("nobody") is None
    assert not await namespace.redis.exists(keys.command(namespace.prefix, "nobody"))

    await beat(namespace)
    await Draining(namespace).pause("w")
    await Workers(namespace).leave("w")
    assert await Draining(namespace).pause("w") is None
    assert await Draining(namespace).resume("w") is None


async def test_a_paused_worker_is_not_woken_in_place_of_another(namespace: Namespace) -> None:
    await running(namespace, worker="busy")  # the queue knows its shape
    for worker in ("w", "other"):
        assert (await claim(namespace, worker=worker, park=True)).parked

    await Draining(namespace).pause("w")
    await add(namespace)

    assert [m["c"] for m in await messages(namespace, "w")] == ["look"]
    assert [m["c"] for m in await messages(namespace, "other")] == ["wake"]


async def test_what_a_paused_worker_was_woken_for_wakes_another(namespace: Namespace) -> None:
    await running(namespace, worker="busy")
    for worker in ("w", "other"):
        await claim(namespace, worker=worker, park=True)
    await add(namespace)
    (woken,) = [w for w in ("w", "other") if await messages(namespace, w)]
    (asleep,) = {"w", "other"} - {woken}

    await Draining(namespace).pause(woken)

    assert [m["c"] for m in await messages(namespace, woken)] == ["wake", "look"]
    assert [m["c"] for m in await messages(namespace, asleep)] == ["wake"]


async def test_a_pause_outlives_the_session_and_a_command_does_not(namespace: Namespace) -> None:
    await beat(namespace)
    await Draining(namespace).pause("w")
    await Draining(namespace).drain("w")

    await Workers(namespace).leave("w")
    told = await beat(namespace)

    assert (told.command, told.is_paused) == ("", True)


async def test_a_pause_outlives_a_worker_that_was_forgotten(namespace: Namespace) -> None:
    await add(namespace)
    await beat(namespace)
    await Draining(namespace).pause("w")
    await Draining(namespace).drain("w")
    await namespace.redis.zadd(keys.workers(namespace.prefix), {"w": 1})

    assert (await tick(namespace)).purged == 1
    told = await beat(namespace)

    assert (told.command, told.is_paused) == ("", True)
