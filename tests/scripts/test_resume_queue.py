import pytest

from rq_agent.broker.errors import SelectorError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings

from .moving import NEEDS, add_mixed
from .queue_steps import park, settings, woken
from .steps import CPU, GPU, add, claim, claim_one, events, finish, running


async def paused_with(namespace: Namespace, tasks: int) -> None:
    """Make a queue that is paused and has tasks of one shape, which is known there."""
    taken = await running(namespace)
    await finish(namespace, taken, "succeeded")
    await QueueSettings(namespace).pause("q")
    await add(namespace, tasks)


@pytest.mark.parametrize(("tasks", "workers", "expected"), [(3, 5, 3), (5, 3, 3), (0, 2, 0)])
async def test_as_many_workers_are_woken_as_there_are_tasks(
    namespace: Namespace, tasks: int, workers: int, expected: int
) -> None:
    await paused_with(namespace, tasks)
    names = await park(namespace, workers)

    assert await QueueSettings(namespace).resume("q")

    assert await woken(namespace, names) == expected
    assert await settings(namespace) == {}
    assert len((await claim(namespace, limit=9)).claims) == tasks


async def test_no_more_are_woken_than_may_run(namespace: Namespace) -> None:
    await paused_with(namespace, 4)
    await QueueSettings(namespace).limit("q", 2)
    names = await park(namespace, 4)

    await QueueSettings(namespace).resume("q")

    assert await woken(namespace, names) == 2


async def test_at_most_128_are_woken_at_once(namespace: Namespace) -> None:
    await paused_with(namespace, 140)
    names = await park(namespace, 140)

    await QueueSettings(namespace).resume("q")

    assert await woken(namespace, names) == 128


async def test_only_who_fits_is_woken(namespace: Namespace) -> None:
    await add_mixed(namespace, 3)
    await QueueSettings(namespace).pause("q")
    assert (await claim(namespace, worker="cpu", needs=(CPU,), park=True)).parked
    assert (await claim(namespace, worker="cpu2", needs=(CPU,), park=True)).parked
    assert (await claim(namespace, worker="gpu", needs=(GPU,), park=True)).parked

    await QueueSettings(namespace).resume("q")

    assert await woken(namespace, ["cpu", "cpu2"]) == 1
    assert await woken(namespace, ["gpu"]) == 1
    await claim_one(namespace, needs=NEEDS)


async def test_it_is_told_once(namespace: Namespace) -> None:
    await add(namespace)
    await QueueSettings(namespace).pause("q")

    assert await QueueSettings(namespace).resume("q")
    assert not await QueueSettings(namespace).resume("q")

    assert await events(namespace, "queue_resumed") == [
        {"id": "", "event": "queue_resumed", "queue": "q"}
    ]
    with pytest.raises(SelectorError, match="no queue is named none"):
        await QueueSettings(namespace).resume("none")
