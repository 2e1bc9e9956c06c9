import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskNotFound, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved, Moves
from rq_agent.broker.namespace import Namespace

from .moving import NEEDS, add_mixed, blocked, check_records, in_state, order
from .steps import CPU, add, claim, claim_one, events, fields, finish, history, line, lose, state


async def test_a_task_becomes_the_next_of_all_shapes(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 6)

    moved = await Moves(namespace).to_top(ids[4])

    assert moved == Moved(is_changed=True, position=1)
    assert await order(namespace) == [ids[4], *ids[:4], ids[5]]
    await check_records(namespace)
    claims = (await claim(namespace, needs=NEEDS, limit=6)).claims
    assert [c.task_id for c in claims] == [ids[4], *ids[:4], ids[5]]


async def test_it_stays_behind_higher_priorities(namespace: Namespace) -> None:
    (high,) = await add(namespace, priority=1)
    low = await add(namespace, 2)

    moved = await Moves(namespace).to_top(low[1])

    assert moved.position == 2
    assert await order(namespace) == [high, low[1], low[0]]


async def test_the_one_moved_last_is_first(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 5)

    for task_id in ids:
        await Moves(namespace).to_top(task_id)

    assert await order(namespace) == ids[::-1]


async def test_the_first_one_stays_and_nothing_is_told(namespace: Namespace) -> None:
    ids = await add(namespace, 2)
    (alone,) = await add(namespace, queue="other", priority=3)
    before = await fields(namespace, ids[0])

    assert not (await Moves(namespace).to_top(ids[0])).is_changed
    assert await Moves(namespace).to_top(alone) == Moved(is_changed=False, position=1)

    assert await fields(namespace, ids[0]) == before
    assert await events(namespace, "moved") == []


async def test_a_move_is_told(namespace: Namespace) -> None:
    ids = await add(namespace, 2)

    await Moves(namespace).to_top(ids[1])

    (told,) = await events(namespace, "moved")
    assert told == {"id": ids[1], "event": "moved", "state": "queued", "queue": "q", "how": "top"}
    assert await history(namespace, ids[1]) == ["enqueued", "moved"]


@pytest.mark.parametrize("comes_back", ["release", "lost"])
async def test_a_task_comes_back_to_the_place_it_was_moved_to(
    namespace: Namespace, comes_back: str
) -> None:
    ids = await add_mixed(namespace, 6)
    await Moves(namespace).to_top(ids[3])
    taken = await claim_one(namespace, needs=NEEDS)
    await Moves(namespace).to_top(ids[5])

    if comes_back == "release":
        await finish(namespace, taken, "release")
    else:
        await lose(namespace, taken.task_id)

    assert taken.task_id == ids[3]
    assert await order(namespace) == [ids[5], ids[3], *ids[:3], ids[4]]


async def test_a_blocked_task_comes_back_to_the_top(namespace: Namespace) -> None:
    others = await add(namespace, 2)
    for task_id in others:  # they stand behind it
        await Moves(namespace).to_bottom(task_id)
    waits, holder = await blocked(namespace, priority=1)
    (first,) = await add(namespace, priority=1)
    await Moves(namespace).to_top(first)

    moved = await Moves(namespace).to_top(waits)
    await finish(namespace, holder, "succeeded")

    assert moved.position == 1
    assert (await line(namespace))[:2] == [waits, first]


@pytest.mark.parametrize("others", [0, 1])
async def test_of_two_blocked_tasks_the_one_on_top_comes_back_first(
    namespace: Namespace, others: int
) -> None:
    first, holder = await blocked(namespace)
    (second,) = await add(namespace, concurrency_key="k")
    await claim(namespace)
    queued = await add(namespace, others)
    assert await state(namespace, second) == "blocked"

    await Moves(namespace).to_top(second)
    await finish(namespace, holder, "succeeded")

    assert await line(namespace) == [second, *queued]
    await finish(namespace, await claim_one(namespace), "succeeded")
    assert await line(namespace) == [first, *queued]


async def test_where_a_task_stands_counts_whatever_its_record_says(namespace: Namespace) -> None:
    high = await add(namespace, 2, priority=5)
    (low,) = await add(namespace)
    await namespace.redis.hset(keys.task(namespace.prefix, high[1]), "order", "garbage")

    await Moves(namespace).to_top(high[1])

    assert await line(namespace) == [high[1], high[0], low]
    await check_records(namespace)


@pytest.mark.parametrize("name", ["running", "succeeded", "delayed", "waiting", "draft"])
async def test_what_stands_in_no_queue_is_refused_with_its_state(
    namespace: Namespace, name: str
) -> None:
    task_id = await in_state(namespace, name)
    before = await fields(namespace, task_id)

    with pytest.raises(WrongState, match=rf"task {task_id}: is {name}") as refusal:
        await Moves(namespace).to_top(task_id)

    assert refusal.value.state == name
    assert await fields(namespace, task_id) == before


async def test_a_task_that_is_not_there_is_named(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound, match="task none: not found"):
        await Moves(namespace).to_top(TaskId("none"))


async def test_members_without_a_record_are_no_obstacle(namespace: Namespace) -> None:
    ids = await add(namespace, 3)
    await namespace.redis.delete(keys.task(namespace.prefix, ids[0]))
    await namespace.redis.delete(keys.task(namespace.prefix, ids[1]))
    await namespace.redis.rpush(keys.task(namespace.prefix, ids[1]), "no hash")

    moved = await Moves(namespace).to_top(ids[2])

    assert moved.position == 1
    assert (await line(namespace))[0] == ids[2]
    assert await namespace.redis.exists(keys.task(namespace.prefix, ids[0])) == 0
    await namespace.redis.delete(keys.task(namespace.prefix, ids[1]))


@pytest.mark.parametrize("tops", ["9999999999", "none", "-1e300"])
async def test_a_broken_counter_does_not_lead_out_of_the_priority(
    namespace: Namespace, tops: str
) -> None:
    (high,) = await add(namespace, priority=1)
    low = await add(namespace, 3)
    await namespace.redis.hset(keys.queue(namespace.prefix, "q"), "tops", tops)

    await Moves(namespace).to_top(low[2])

    assert await order(namespace) == [high, low[2], *low[:2]]


async def test_the_first_place_of_a_priority_is_not_its_end(namespace: Namespace) -> None:
    (high,) = await add(namespace, priority=1)
    low = await add(namespace, 2)
    edge = 127 << 44  # somebody wrote the very first score of priority 0
    await namespace.redis.hset(keys.task(namespace.prefix, low[0]), "order", edge)
    taken = [c.task_id for c in (await claim(namespace, limit=2)).claims]
    for task_id in taken:
        await lose(namespace, TaskId(task_id))

    await Moves(namespace).to_top(low[1])

    assert await order(namespace) == [high, low[1], low[0]]
    assert await state(namespace, low[0]) == "queued"
    assert await line(namespace, need=CPU) == [high, low[1], low[0]]
