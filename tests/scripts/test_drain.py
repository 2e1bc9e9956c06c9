from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace

from .steps import add, beat, claim, decoded, messages, now_ms, running, state


async def test_a_worker_is_told_to_drain_and_keeps_what_it_runs(namespace: Namespace) -> None:
    held = await running(namespace)
    (waiting,) = await add(namespace)

    assert await Draining(namespace).drain("w")

    assert await messages(namespace) == [{"c": "look"}]
    assert (await claim(namespace)).claims == ()
    told = await beat(namespace, held)
    assert (told.lost, told.command) == ((), "drain")
    assert await state(namespace, waiting) == "queued"


async def test_what_a_worker_is_told_lies_under_a_protected_key(namespace: Namespace) -> None:
    await beat(namespace)
    before = await now_ms(namespace)

    await Draining(namespace, who="ada@laptop").drain("w")

    key = keys.command(namespace.prefix, "w")
    assert key == f"{namespace.prefix}!cmd:w"
    stored = decoded(await namespace.redis.hgetall(key))
    at_ms = int(stored.pop("at_ms"))
    assert stored == {"command": "drain", "who": "ada@laptop"}
    assert before <= at_ms <= await now_ms(namespace)
    assert b"command" not in await namespace.redis.hkeys(keys.worker(namespace.prefix, "w"))


async def test_a_command_where_submitters_can_write_counts_for_nothing(
    namespace: Namespace,
) -> None:
    (waiting,) = await add(namespace)
    await beat(namespace)
    await namespace.redis.hset(keys.worker(namespace.prefix, "w"), "command", "stop")

    told = await beat(namespace)
    claimed = await claim(namespace)

    assert told.command == ""
    assert [c.task_id for c in claimed.claims] == [waiting]


async def test_a_worker_that_may_go_on_claims_again(namespace: Namespace) -> None:
    await running(namespace)
    (waiting,) = await add(namespace)
    await Draining(namespace).drain("w")

    assert await Draining(namespace).undrain("w")

    assert [m["c"] for m in await messages(namespace)] == ["look", "look"]
    assert (await beat(namespace)).command == ""
    assert [c.task_id for c in (await claim(namespace)).claims] == [waiting]
    assert not await namespace.redis.exists(keys.command(namespace.prefix, "w"))


async def test_undrain_tells_nothing_to_a_worker_that_does_not_drain(namespace: Namespace) -> None:
    await beat(namespace)
    await Draining(namespace).pause("w")

    assert not await Draining(namespace).undrain("w")
    assert [m["c"] for m in await messages(namespace)] == ["look"]  # of the pause
    assert (await beat(namespace)).is_paused


async def test_an_unknown_worker_is_not_made_by_draining_it(namespace: Namespace) -> None:
    assert not await Draining(namespace).drain("nobody")
    assert not await Draining(namespace).undrain("nobody")

    assert not await namespace.redis.exists(keys.worker(namespace.prefix, "nobody"))
    assert not await namespace.redis.exists(keys.command(namespace.prefix, "nobody"))


async def test_a_worker_that_left_comes_back_without_the_command(namespace: Namespace) -> None:
    await beat(namespace)
    await Draining(namespace).drain("w")

    await namespace.scripts.leave(["w"])

    assert (await beat(namespace)).command == ""
