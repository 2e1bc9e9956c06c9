from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace

from .steps import add, beat, claim, messages, running, state


async def test_a_worker_is_told_to_stop_and_its_tasks_are_its_own_to_give_back(
    namespace: Namespace,
) -> None:
    held = await running(namespace)
    await add(namespace)

    assert await Draining(namespace).stop("w")

    assert await messages(namespace) == [{"c": "look"}]
    assert (await claim(namespace)).claims == ()
    assert (await beat(namespace, held)).command == "stop"
    assert await state(namespace, held.task_id) == "running"


async def test_what_a_stopped_worker_was_woken_for_wakes_another(namespace: Namespace) -> None:
    await running(namespace, worker="busy")  # the queue knows its shape
    await claim(namespace, worker="w", park=True)
    await claim(namespace, worker="other", park=True)
    await add(namespace)
    (woken,) = [w for w in ("w", "other") if await messages(namespace, w)]
    (asleep,) = {"w", "other"} - {woken}

    await Draining(namespace).stop(woken)

    assert [m["c"] for m in await messages(namespace, woken)] == ["wake", "look"]
    assert [m["c"] for m in await messages(namespace, asleep)] == ["wake"]


async def test_an_unknown_worker_is_not_made_by_stopping_it(namespace: Namespace) -> None:
    assert not await Draining(namespace).stop("nobody")

    assert not await namespace.redis.exists(keys.worker(namespace.prefix, "nobody"))
