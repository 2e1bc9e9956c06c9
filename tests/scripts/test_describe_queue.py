import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import UsageError
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings

from .queue_steps import settings
from .steps import add, claim, events, messages


async def test_a_queue_is_made_before_its_first_task(namespace: Namespace) -> None:
    assert await QueueSettings(namespace).create("night", description="low prices")

    (queue,) = await Lookups(namespace).queues()
    assert (queue.name, queue.description, queue.waiting) == ("night", "low prices", 0)
    assert await events(namespace, "queue_created") == [
        {"id": "", "event": "queue_created", "queue": "night"}
    ]


async def test_a_description_changes_and_nothing_else(namespace: Namespace) -> None:
    ids = await add(namespace)
    await QueueSettings(namespace).limit("q", 3)

    assert not await QueueSettings(namespace).create("q", description="one")
    assert not await QueueSettings(namespace).create("q")

    assert await settings(namespace) == {"max_running": "3", "description": "one"}
    assert [c.task_id for c in (await claim(namespace)).claims] == ids
    assert await events(namespace, "queue_created") == []


async def test_a_paused_queue_may_be_made_for_tasks_to_come(namespace: Namespace) -> None:
    await QueueSettings(namespace).create("night")
    await QueueSettings(namespace).pause("night")
    assert (await claim(namespace, "night", park=True)).parked

    await add(namespace, queue="night")

    assert await messages(namespace) == []  # it knows the shape, and would claim nothing
    assert not (await claim(namespace, "night", park=True)).claims
    await QueueSettings(namespace).resume("night")
    assert [m["c"] for m in await messages(namespace)] == ["wake"]


@pytest.mark.parametrize("name", ["a{b", "a}b", "a\nb", "a b", "", "-a", "x" * 64, "x" * 10_000])
async def test_what_is_no_name_is_refused(namespace: Namespace, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name; use up to 63 letters") as refusal:
        await QueueSettings(namespace).create(name)

    assert len(str(refusal.value)) < 200
    assert await namespace.redis.exists(keys.queues(namespace.prefix)) == 0


@pytest.mark.parametrize("text", ["x" * 256, "two\nlines", "\x1b[31m", "\udc80"])
async def test_a_description_that_would_break_a_list_is_refused(
    namespace: Namespace, text: str
) -> None:
    with pytest.raises(UsageError, match="a description is one line"):
        await QueueSettings(namespace).create("q", description=text)

    assert await namespace.redis.exists(keys.queues(namespace.prefix)) == 0
