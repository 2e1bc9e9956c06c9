import pytest

from rq_agent.broker.errors import TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved, Moves
from rq_agent.broker.namespace import Namespace

from .moving import add_mixed, blocked, check_records, order, pile_up
from .steps import add, events, fields, finish, running


async def test_a_task_stands_right_behind_another_one_of_any_shape(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 6)

    moved = await Moves(namespace).after(ids[0], ids[4])

    assert moved == Moved(is_changed=True, position=5)
    assert await order(namespace) == [*ids[1:5], ids[0], ids[5]]
    await check_records(namespace)
    (told,) = await events(namespace, "moved")
    assert told["how"] == f"after {ids[4]}"


async def test_behind_the_last_one_it_stands_before_those_to_come(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)

    await Moves(namespace).after(ids[0], ids[2])
    (newest,) = await add(namespace)

    assert await order(namespace) == [ids[1], ids[2], ids[0], newest]


async def test_it_takes_the_priority_of_the_other_one(namespace: Namespace) -> None:
    (high,) = await add(namespace, priority=7)
    low = await add(namespace, 2)

    await Moves(namespace).after(low[1], high)

    assert await order(namespace) == [high, low[1], low[0]]
    assert (await fields(namespace, low[1]))["priority"] == "7"
    await check_records(namespace)


async def test_a_gap_that_closed_is_opened_again(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 60)

    for task_id in ids[10:]:
        await Moves(namespace).after(task_id, ids[0])

    assert await order(namespace) == [ids[0], *ids[:9:-1], *ids[1:10]]
    await check_records(namespace)


async def test_it_stays_where_it_stands_there_already(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)

    assert await Moves(namespace).after(ids[1], ids[0]) == Moved(is_changed=False, position=2)
    assert await Moves(namespace).after(ids[2], ids[1]) == Moved(is_changed=False, position=3)

    assert await events(namespace, "moved") == []


async def test_tasks_that_share_a_place_are_moved_apart(namespace: Namespace) -> None:
    ids = await add(namespace, 6)
    await pile_up(namespace, ids[:5])

    await Moves(namespace).after(ids[5], ids[1])
    await Moves(namespace).after(ids[4], ids[5])

    assert await order(namespace) == [*ids[:2], ids[5], ids[4], *ids[2:4]]


async def test_a_blocked_task_comes_back_behind_the_other_one(namespace: Namespace) -> None:
    waits, holder = await blocked(namespace)
    others = await add_mixed(namespace, 3)

    await Moves(namespace).after(waits, others[0])
    await finish(namespace, holder, "succeeded")

    assert await order(namespace) == [others[0], waits, *others[1:]]


async def test_what_is_wrong_is_said(namespace: Namespace) -> None:
    taken = await running(namespace)
    (task_id,) = await add(namespace)

    with pytest.raises(UsageError, match="can't be moved next to itself"):
        await Moves(namespace).after(task_id, task_id)
    with pytest.raises(UsageError, match="which is running"):
        await Moves(namespace).after(task_id, taken.task_id)
    with pytest.raises(WrongState, match="is running"):
        await Moves(namespace).after(taken.task_id, task_id)
    with pytest.raises(TaskNotFound, match="none"):
        await Moves(namespace).after(TaskId("none"), task_id)
