import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import SelectorError, UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moves
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import MOST_AGEING_MS, QueueSettings

from .moving import NEEDS, add_mixed, order
from .queue_steps import settings
from .steps import (
    add,
    claim_one,
    events,
    extra,
    fields,
    finish,
    history,
    line,
    members,
    now_ms,
    state,
    tick,
)

AGEING_MS = 60_000


async def wait(namespace: Namespace, task_id: str, *, ms: int = AGEING_MS) -> None:
    """Let a task have waited for so long, whatever it waits since."""
    task = keys.task(namespace.prefix, TaskId(task_id))
    since = await now_ms(namespace) - ms
    await namespace.redis.hset(task, "created_ms", since)
    for name in ("queued_ms", "aged_ms"):
        if await namespace.redis.hexists(task, name):
            await namespace.redis.hset(task, name, since)


async def band(namespace: Namespace, task_id: TaskId) -> int:
    """Return the priority as which a task is served."""
    return 127 - (int((await fields(namespace, task_id))["order"]) >> 44)


async def test_a_task_that_waited_rises_by_one_priority(namespace: Namespace) -> None:
    (low,) = await add(namespace, priority=-1)
    ids = await add_mixed(namespace, 3)
    await QueueSettings(namespace).age("q", AGEING_MS)
    await wait(namespace, low)

    await tick(namespace)

    assert await order(namespace) == [low, *ids]  # among its new equals by its age
    assert await band(namespace, low) == 0
    assert (await fields(namespace, low))["priority"] == "-1"
    assert [e["id"] for e in await events(namespace, "aged")] == [low]
    assert await history(namespace, low) == ["enqueued", "aged"]


async def test_it_rises_again_only_after_it_waited_again(namespace: Namespace) -> None:
    (low,) = await add(namespace, priority=-5)
    await QueueSettings(namespace).age("q", AGEING_MS)
    await wait(namespace, low, ms=100 * AGEING_MS)

    for _ in range(3):
        await tick(namespace)
    assert await band(namespace, low) == -4

    await wait(namespace, low)
    await tick(namespace)
    assert await band(namespace, low) == -3


async def test_who_has_not_waited_long_enough_stays(namespace: Namespace) -> None:
    (low,) = await add(namespace, priority=-5)
    await QueueSettings(namespace).age("q", AGEING_MS)
    await wait(namespace, low, ms=AGEING_MS - 5_000)

    await tick(namespace)

    assert await band(namespace, low) == -5


async def test_nobody_rises_above_the_highest_priority(namespace: Namespace) -> None:
    highest = await add(namespace, 2, priority=127)
    (second,) = await add(namespace, priority=126)
    await QueueSettings(namespace).age("q", AGEING_MS)
    for task_id in (*highest, second):
        await wait(namespace, task_id)

    await tick(namespace)
    await wait(namespace, second)
    await tick(namespace)

    assert await line(namespace) == [*highest, second]
    assert [await band(namespace, i) for i in (*highest, second)] == [127] * 3


async def test_the_fronts_of_all_bands_and_shapes_rise(namespace: Namespace) -> None:
    ids = [i for p in (-3, 0, 3) for i in await add_mixed(namespace, 6, priority=p)]
    for task_id in ids[::6] + ids[1::6] + ids[3::6]:  # the first ones of two shapes
        await wait(namespace, task_id)
    await QueueSettings(namespace).age("q", AGEING_MS)

    await tick(namespace)

    risen = {e["id"] for e in await events(namespace, "aged")}
    assert risen == set(ids[::6] + ids[1::6] + ids[3::6])


async def test_a_tick_lets_a_bounded_number_rise_and_says_that_there_are_more(
    namespace: Namespace,
) -> None:
    ids = await add(namespace, 7)
    for task_id in ids:
        await wait(namespace, task_id)
    await QueueSettings(namespace).age("q", AGEING_MS)

    assert (await tick(namespace, limit=5)).more
    assert len(await events(namespace, "aged")) == 5
    assert not (await tick(namespace, limit=5)).more
    assert len(await events(namespace, "aged")) == 7


async def test_only_queues_that_were_told_to_age(namespace: Namespace) -> None:
    ids = [(await add(namespace, queue=queue))[0] for queue in ("a", "b")]
    for task_id in ids:
        await wait(namespace, task_id)
    await QueueSettings(namespace).age("a", AGEING_MS)

    await tick(namespace)

    assert [await band(namespace, i) for i in ids] == [1, 0]


async def test_off_again_nothing_rises_and_no_field_is_left(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    await wait(namespace, task_id)

    changes = [await QueueSettings(namespace).age("q", ms) for ms in (2_000, 2_000, None, None)]
    await tick(namespace)

    assert changes == [True, False, True, False]
    assert await settings(namespace) == {}
    assert await namespace.redis.exists(keys.ageing_queues(namespace.prefix)) == 0
    assert await band(namespace, task_id) == 0
    assert [e["ageing_ms"] for e in await events(namespace, "queue_ageing")] == ["2000", ""]


async def test_a_requeue_keeps_what_a_task_rose_by_and_it_waits_anew(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    await QueueSettings(namespace).age("q", AGEING_MS)
    await wait(namespace, task_id)
    await tick(namespace)

    await finish(namespace, await claim_one(namespace, needs=NEEDS), "release")
    await tick(namespace)
    assert await band(namespace, task_id) == 1
    await wait(namespace, task_id)
    await tick(namespace)

    assert await band(namespace, task_id) == 2


async def test_a_new_priority_counts_from_itself(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    await QueueSettings(namespace).age("q", AGEING_MS)
    await wait(namespace, task_id)
    await tick(namespace)

    await Moves(namespace).set_priority(task_id, 0)

    assert await band(namespace, task_id) == 0


async def test_the_lowest_priority_is_served_although_higher_ones_keep_coming(
    namespace: Namespace,
) -> None:
    (low,) = await add(namespace, priority=-3)
    await QueueSettings(namespace).age("q", AGEING_MS)

    rounds = 0
    while rounds < 20 and await state(namespace, low) == "queued":
        rounds += 1
        await add(namespace, 2)
        await wait(namespace, low)
        await tick(namespace)
        await claim_one(namespace)

    assert await state(namespace, low) == "running"
    assert rounds == 3  # one for each priority between


async def test_members_without_a_record_are_dropped(namespace: Namespace) -> None:
    ids = await add(namespace, 3)
    await namespace.redis.delete(keys.task(namespace.prefix, ids[0]))
    await wait(namespace, ids[1])
    await QueueSettings(namespace).age("q", AGEING_MS)

    await tick(namespace)

    assert await line(namespace) == [ids[1], ids[2]]
    assert [e["id"] for e in await events(namespace, "ghost")] == [ids[0]]
    assert await extra(namespace, ids[0]) == {}
    assert await band(namespace, ids[1]) == 1


@pytest.mark.parametrize("field", [{"state": "running"}, {"queue": "other"}])
async def test_members_whose_task_is_elsewhere_are_dropped(
    namespace: Namespace, field: dict[str, str]
) -> None:
    (task_id,) = await add(namespace)
    await wait(namespace, task_id)
    await QueueSettings(namespace).age("q", AGEING_MS)
    await namespace.redis.hset(keys.task(namespace.prefix, task_id), mapping=field)  # type: ignore[arg-type]

    await tick(namespace)

    assert await line(namespace) == []
    assert await events(namespace, "aged") == []


async def test_no_more_of_them_are_dropped_than_a_tick_may(namespace: Namespace) -> None:
    ids = await add(namespace, 5)
    for task_id in ids:
        await namespace.redis.delete(keys.task(namespace.prefix, task_id))
    await QueueSettings(namespace).age("q", AGEING_MS)

    assert (await tick(namespace, limit=2)).more

    assert await line(namespace) == ids[2:]


@pytest.mark.parametrize("stored", ["x", "", "-5", "nan"])
async def test_a_setting_that_somebody_broke_stops_no_tick(
    namespace: Namespace, stored: str
) -> None:
    (task_id,) = await add(namespace)
    await QueueSettings(namespace).age("q", AGEING_MS)
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "ageing_ms", stored)
    await wait(namespace, task_id)

    await tick(namespace)

    assert await band(namespace, task_id) == 0
    assert await members(namespace, keys.delayed(namespace.prefix)) == []


@pytest.mark.parametrize("after_ms", [0, -1, 999, MOST_AGEING_MS + 1])
async def test_a_time_out_of_bounds_is_refused(namespace: Namespace, after_ms: int) -> None:
    await add(namespace)

    with pytest.raises(UsageError, match="use a time from one second to ten years"):
        await QueueSettings(namespace).age("q", after_ms)
    with pytest.raises(SelectorError, match="no queue is named none"):
        await QueueSettings(namespace).age("none", AGEING_MS)
