import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskNotFound, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved, Moves
from rq_agent.broker.namespace import Namespace

from .moving import NEEDS, add_mixed, blocked, check_records, in_state, order
from .steps import add, claim_one, events, fields, finish, line


async def test_a_task_becomes_the_last_of_its_priority(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 5)
    (low,) = await add(namespace, priority=-1)

    moved = await Moves(namespace).to_bottom(ids[1])

    assert moved == Moved(is_changed=True, position=5)
    assert await order(namespace) == [ids[0], *ids[2:], ids[1], low]
    await check_records(namespace)


async def test_the_one_that_comes_next_stands_behind_it(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)
    await Moves(namespace).to_bottom(ids[0])

    (newest,) = await add(namespace)

    assert await order(namespace) == [ids[1], ids[2], ids[0], newest]


async def test_the_last_one_stays_and_nothing_is_told(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)
    before = await fields(namespace, ids[2])

    assert await Moves(namespace).to_bottom(ids[2]) == Moved(is_changed=False, position=3)

    assert await fields(namespace, ids[2]) == before
    assert await events(namespace, "moved") == []


async def test_a_released_task_comes_back_behind_the_others(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)
    await Moves(namespace).to_bottom(ids[0])
    taken = [await claim_one(namespace, needs=NEEDS, worker=f"w{n}") for n in range(3)]

    for claim in taken[::-1]:
        await finish(namespace, claim, "release")

    assert await order(namespace) == [ids[1], ids[2], ids[0]]


async def test_a_blocked_task_comes_back_to_the_bottom(namespace: Namespace) -> None:
    waits, holder = await blocked(namespace)
    others = await add(namespace, 2)

    moved = await Moves(namespace).to_bottom(waits)
    await finish(namespace, holder, "succeeded")

    assert moved.position == 3
    assert await line(namespace) == [*others, waits]


@pytest.mark.parametrize("name", ["running", "delayed"])
async def test_what_stands_in_no_queue_is_refused(namespace: Namespace, name: str) -> None:
    task_id = await in_state(namespace, name)

    with pytest.raises(WrongState, match=f"task {task_id}: is {name}"):
        await Moves(namespace).to_bottom(task_id)
    with pytest.raises(TaskNotFound, match="none"):
        await Moves(namespace).to_bottom(TaskId("none"))


async def test_an_order_that_somebody_broke_shares_the_last_place(namespace: Namespace) -> None:
    ids = await add(namespace, 3)
    await namespace.redis.hset(keys.task(namespace.prefix, ids[0]), "order", "garbage")
    await finish(namespace, await claim_one(namespace), "release")

    await Moves(namespace).to_bottom(ids[1])

    assert await line(namespace) == [ids[2], ids[0], ids[1]]
    await Moves(namespace).set_priority(ids[1], -1)
    await Moves(namespace).to_bottom(ids[2])
    assert await line(namespace) == [ids[0], ids[2], ids[1]]
