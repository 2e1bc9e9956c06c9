import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import SelectorError, UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings

from .queue_steps import settings
from .steps import add, claim, claim_one, events, finish, messages, running, state, tick


async def test_nothing_of_a_paused_queue_is_claimed(namespace: Namespace) -> None:
    taken = await running(namespace)
    ids = await add(namespace, 2)
    (elsewhere,) = await add(namespace, queue="other")

    assert await QueueSettings(namespace).pause("q")

    assert await settings(namespace) == {"paused": "1"}
    assert (await claim_one(namespace, "q", "other")).task_id == elsewhere
    assert not (await claim(namespace, "q", "other", mode="round-robin")).claims
    await finish(namespace, taken, "succeeded")  # what runs goes on
    assert [await state(namespace, i) for i in ids] == ["queued", "queued"]


async def test_it_is_told_once(namespace: Namespace) -> None:
    await add(namespace)

    assert await QueueSettings(namespace).pause("q")
    assert not await QueueSettings(namespace).pause("q")

    assert await events(namespace, "queue_paused") == [
        {"id": "", "event": "queue_paused", "queue": "q"}
    ]


async def test_nobody_is_woken_for_it(namespace: Namespace) -> None:
    await add(namespace)
    await claim_one(namespace)
    assert (await claim(namespace, park=True, worker="w1")).parked
    await QueueSettings(namespace).pause("q")

    await add(namespace, 3)
    await tick(namespace)

    assert await messages(namespace, "w1") == []


async def test_a_queue_that_is_not_there_is_named_with_a_near_one(namespace: Namespace) -> None:
    await add(namespace, queue="training")

    with pytest.raises(SelectorError, match=r"no queue is named trainin; did you mean training\?"):
        await QueueSettings(namespace).pause("trainin")

    assert await namespace.redis.exists(keys.queue(namespace.prefix, "trainin")) == 0


@pytest.mark.parametrize("name", ["a{b", "a\nb", "", "x" * 10_000])
async def test_what_is_no_name_is_refused(namespace: Namespace, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        await QueueSettings(namespace).pause(name)
