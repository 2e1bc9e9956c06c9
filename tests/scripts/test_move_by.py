import pytest

from rq_agent.broker.errors import TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved, Moves
from rq_agent.broker.namespace import Namespace

from .moving import add_mixed, blocked, check_records, order, pile_up
from .steps import add, events, running


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (-1, "0124356"),
        (-3, "0412356"),
        (-4, "4012356"),
        (-1000, "4012356"),
        (1, "0123546"),
        (2, "0123564"),
        (1000, "0123564"),
        (0, "0123456"),
    ],
)
async def test_a_task_goes_so_many_places(namespace: Namespace, steps: int, expected: str) -> None:
    ids = await add_mixed(namespace, 7)

    moved = await Moves(namespace).by(ids[4], steps)

    now = await order(namespace)
    assert "".join(str(ids.index(TaskId(i))) for i in now) == expected
    assert moved == Moved(is_changed=steps != 0, position=expected.index("4") + 1)
    await check_records(namespace)


async def test_it_ends_with_its_priority(namespace: Namespace) -> None:
    high = await add_mixed(namespace, 3, priority=1)
    middle = await add_mixed(namespace, 3)
    low = await add_mixed(namespace, 3, priority=-1)

    await Moves(namespace).by(middle[2], -100)
    await Moves(namespace).by(middle[0], 100)

    assert await order(namespace) == [*high, middle[2], middle[1], middle[0], *low]
    assert not (await Moves(namespace).by(middle[2], -1)).is_changed
    assert not (await Moves(namespace).by(middle[0], 1)).is_changed


async def test_it_counts_over_many_tasks_of_all_shapes(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 600)

    moved = await Moves(namespace).by(ids[599], -500)
    back = await Moves(namespace).by(ids[0], 432)

    assert moved.position == 100
    assert back.position == 433
    assert await order(namespace) == [*ids[1:99], ids[599], *ids[99:432], ids[0], *ids[432:599]]


async def test_up_and_down_again_changes_nothing_for_the_others(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 8)

    for _ in range(30):
        await Moves(namespace).by(ids[4], -1)
        await Moves(namespace).by(ids[4], 1)

    assert await order(namespace) == ids
    await check_records(namespace)


async def test_those_that_share_its_place_are_others_too(namespace: Namespace) -> None:
    ids = await add(namespace, 5)
    await pile_up(namespace, ids)

    await Moves(namespace).by(ids[2], -1)
    await Moves(namespace).by(ids[3], 1)

    assert await order(namespace) == [ids[0], ids[2], ids[1], ids[4], ids[3]]


async def test_a_blocked_task_goes_by_those_that_are_queued(namespace: Namespace) -> None:
    waits, _ = await blocked(namespace)
    await add(namespace, 3)

    assert (await Moves(namespace).by(waits, 2)).position == 3


async def test_what_is_wrong_is_said(namespace: Namespace) -> None:
    taken = await running(namespace)

    with pytest.raises(UsageError, match="1001 places are too many for one move"):
        await Moves(namespace).by(taken.task_id, 1001)
    with pytest.raises(UsageError, match="-1001 places"):
        await Moves(namespace).by(taken.task_id, -1001)
    with pytest.raises(WrongState, match="is running"):
        await Moves(namespace).by(taken.task_id, 1)
    with pytest.raises(TaskNotFound, match="none"):
        await Moves(namespace).by(TaskId("none"), 1)
    assert await events(namespace, "moved") == []
