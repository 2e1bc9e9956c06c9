import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved, Moves
from rq_agent.broker.namespace import Namespace

from .moving import NEEDS, add_mixed, blocked, check_records, in_state, order
from .steps import add, claim, events, fields, finish, history, tick


@pytest.mark.parametrize(("priority", "place"), [(127, 0), (1, 0), (-1, 3), (-128, 3)])
async def test_a_task_goes_before_or_behind_the_others(
    namespace: Namespace, priority: int, place: int
) -> None:
    ids = await add_mixed(namespace, 4)

    moved = await Moves(namespace).set_priority(ids[1], priority)

    rest = [i for i in ids if i != ids[1]]
    assert moved == Moved(is_changed=True, position=place + 1)
    assert await order(namespace) == [*rest[:place], ids[1], *rest[place:]]
    assert (await fields(namespace, ids[1]))["priority"] == str(priority)
    await check_records(namespace)


async def test_among_its_new_equals_it_stands_by_its_age(namespace: Namespace) -> None:
    low = await add_mixed(namespace, 3)
    high = await add_mixed(namespace, 3, priority=5)
    newer = await add_mixed(namespace, 3)

    for task_id in (newer[1], low[2], low[0]):
        await Moves(namespace).set_priority(task_id, 5)

    assert await order(namespace) == [low[0], low[2], *high, newer[1], low[1], newer[0], newer[2]]


async def test_back_again_is_where_it_was_and_no_field_is_left(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 4)
    before = await fields(namespace, ids[2])

    await Moves(namespace).set_priority(ids[2], -9)
    await Moves(namespace).set_priority(ids[2], 0)

    assert await order(namespace) == ids
    assert await fields(namespace, ids[2]) == before


async def test_a_place_that_is_taken_is_followed_by_the_new_one(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 4)
    await Moves(namespace).to_top(ids[3])  # both priorities have a first place of the same number
    high = await add_mixed(namespace, 2, priority=2)
    p = namespace.prefix
    order_of = int((await fields(namespace, ids[3]))["order"]) - (2 << 44)
    await namespace.redis.hset(keys.task(p, high[0]), "order", order_of)
    key = keys.ready(p, "q", (await fields(namespace, high[0]))["shape"])
    await namespace.redis.zadd(key, {high[0]: order_of})

    moved = await Moves(namespace).set_priority(ids[3], 2)

    assert moved.position == 2
    assert await order(namespace) == [high[0], ids[3], high[1], *ids[:3]]


async def test_a_change_is_told_once(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)

    first = await Moves(namespace).set_priority(task_id, -3)
    again = await Moves(namespace).set_priority(task_id, -3)

    assert (first.is_changed, again.is_changed) == (True, False)
    assert await events(namespace, "priority") == [
        {"id": task_id, "event": "priority", "state": "queued", "queue": "q", "priority": "-3"}
    ]
    assert await history(namespace, task_id) == ["enqueued", "priority"]


@pytest.mark.parametrize("name", ["delayed", "waiting"])
async def test_a_task_that_waits_elsewhere_comes_to_its_new_place(
    namespace: Namespace, name: str
) -> None:
    task_id = await in_state(namespace, name)
    ids = await add_mixed(namespace, 2)

    moved = await Moves(namespace).set_priority(task_id, 3)

    assert moved == Moved(is_changed=True, position=None)
    assert (await fields(namespace, task_id))["state"] == name
    assert await order(namespace) == ids
    if name == "delayed":
        await namespace.redis.zadd(keys.delayed(namespace.prefix), {task_id: 1}, xx=True)
        await tick(namespace)
    else:
        (parent,) = (await claim(namespace, "parents")).claims
        await finish(namespace, parent, "succeeded")
    assert await order(namespace) == [task_id, *ids]
    await check_records(namespace)


async def test_a_draft_has_a_priority_and_no_order(namespace: Namespace) -> None:
    task_id = await in_state(namespace, "draft")

    await Moves(namespace).set_priority(task_id, 3)

    stored = await fields(namespace, task_id)
    assert stored["priority"] == "3"
    assert "order" not in stored


async def test_a_blocked_task_comes_back_to_its_new_place(namespace: Namespace) -> None:
    waits, holder = await blocked(namespace)
    (low,) = await add(namespace, priority=-9)
    (other,) = await add(namespace)

    moved = await Moves(namespace).set_priority(waits, -1)
    await finish(namespace, holder, "succeeded")

    assert moved.position == 2
    assert await order(namespace) == [other, waits, low]


@pytest.mark.parametrize("name", ["running", "succeeded"])
async def test_what_runs_or_ended_is_refused(namespace: Namespace, name: str) -> None:
    task_id = await in_state(namespace, name)
    before = await fields(namespace, task_id)

    with pytest.raises(WrongState, match=f"is {name}; only tasks that wait can be moved"):
        await Moves(namespace).set_priority(task_id, 1)

    assert await fields(namespace, task_id) == before


@pytest.mark.parametrize("priority", [999, 128, -129])
async def test_a_priority_out_of_bounds_is_refused(namespace: Namespace, priority: int) -> None:
    (task_id,) = await add(namespace)

    with pytest.raises(UsageError, match=f"priority {priority} is not between -128 and 127"):
        await Moves(namespace).set_priority(task_id, priority)
    with pytest.raises(TaskNotFound, match="none"):
        await Moves(namespace).set_priority(TaskId("none"), 1)

    assert "priority" not in await fields(namespace, task_id)


async def test_a_record_with_broken_numbers_is_moved(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)
    task = keys.task(namespace.prefix, ids[1])
    await namespace.redis.hset(task, mapping={"order": "x", "priority": "y"})

    await Moves(namespace).set_priority(ids[1], 1)

    assert [c.task_id for c in (await claim(namespace, needs=NEEDS, limit=3)).claims] == [
        ids[1],
        ids[0],
        ids[2],
    ]
