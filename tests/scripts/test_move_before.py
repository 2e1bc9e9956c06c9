import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskError, TaskNotFound, UsageError, WrongState
from rq_agent.broker.keys import TaskId
from rq_agent.broker.moves import Moved, Moves
from rq_agent.broker.namespace import Namespace

from .moving import NEEDS, add_mixed, blocked, check_records, in_state, order, pile_up
from .steps import GPU, add, claim, claim_one, events, fields, finish, lose, running


async def test_a_task_stands_right_before_another_one_of_any_shape(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 6)

    moved = await Moves(namespace).before(ids[5], ids[1])

    assert moved == Moved(is_changed=True, position=2)
    assert await order(namespace) == [ids[0], ids[5], *ids[1:5]]
    await check_records(namespace)
    (told,) = await events(namespace, "moved")
    assert told["how"] == f"before {ids[1]}"


async def test_the_first_one_has_a_place_before_it(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)

    await Moves(namespace).before(ids[2], ids[0])

    assert await order(namespace) == [ids[2], ids[0], ids[1]]


async def test_it_takes_the_priority_of_the_other_one(namespace: Namespace) -> None:
    high = await add(namespace, 2, priority=7)
    low = await add(namespace, 2)

    await Moves(namespace).before(low[0], high[1])
    await Moves(namespace).before(high[0], low[1])

    assert await order(namespace) == [low[0], high[1], high[0], low[1]]
    assert (await fields(namespace, low[0]))["priority"] == "7"
    assert "priority" not in await fields(namespace, high[0])
    await check_records(namespace)


async def test_a_gap_that_closed_is_opened_again(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 60)
    moved = ids[:50]

    for task_id in moved:
        await Moves(namespace).before(task_id, ids[50])

    assert await order(namespace) == ids
    await check_records(namespace)
    for task_id in moved:
        await Moves(namespace).before(task_id, moved[0] if task_id != moved[0] else ids[50])
    assert await order(namespace) == [*moved[1:], moved[0], *ids[50:]]


@pytest.mark.parametrize("rest", [0, 3])
async def test_the_same_task_is_overtaken_two_hundred_times(
    namespace: Namespace, rest: int
) -> None:
    ids = await add_mixed(namespace, 5 + rest)
    (low,) = await add(namespace, priority=-1)
    expected = list(ids)

    for n in range(200):
        mover = expected[0] if n % 2 else expected[1]
        await Moves(namespace).before(TaskId(mover), ids[4])
        expected.remove(mover)
        expected.insert(expected.index(ids[4]), mover)
        assert await order(namespace) == [*expected, low]

    await check_records(namespace)
    (newest,) = await add(namespace)
    assert await order(namespace) == [*expected, newest, low]


async def test_it_stays_where_it_stands_there_already(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 3)

    assert await Moves(namespace).before(ids[0], ids[1]) == Moved(is_changed=False, position=1)

    assert await events(namespace, "moved") == []


async def test_tasks_that_share_a_place_are_moved_apart(namespace: Namespace) -> None:
    ids = await add(namespace, 6)
    await pile_up(namespace, ids[:5])

    await Moves(namespace).before(ids[5], ids[2])

    assert await order(namespace) == [*ids[:2], ids[5], *ids[2:5]]


async def test_too_many_at_one_place_are_refused(namespace: Namespace) -> None:
    ids = await add(namespace, 1200)
    await pile_up(namespace, ids[:-1])
    before = await fields(namespace, ids[-1])

    with pytest.raises(TaskError, match="more than a thousand tasks stand at the place"):
        await Moves(namespace).before(ids[-1], ids[100])

    assert await fields(namespace, ids[-1]) == before
    assert (await Moves(namespace).before(ids[-1], ids[700])).is_changed


async def test_members_without_a_record_are_moved_aside_without_one(namespace: Namespace) -> None:
    ids = await add(namespace, 5)
    await pile_up(namespace, ids[:4])
    p = namespace.prefix
    for ghost in ids[2:4]:
        await namespace.redis.delete(keys.task(p, ghost))
    await namespace.redis.rpush(keys.task(p, ids[3]), "no hash")

    await Moves(namespace).before(ids[4], ids[1])

    assert await order(namespace) == [ids[0], ids[4], *ids[1:4]]
    assert await namespace.redis.exists(keys.task(p, ids[2])) == 0
    await namespace.redis.delete(keys.task(p, ids[3]))
    assert [c.task_id for c in (await claim(namespace, limit=5)).claims] == [ids[0], ids[4], ids[1]]


async def test_nobody_gets_the_place_of_a_task_that_runs_and_comes_back(
    namespace: Namespace,
) -> None:
    mover, before = await add(namespace, 2)
    await add(namespace, need=GPU)
    taken = await claim_one(namespace, needs=(GPU,))
    (behind,) = await add(namespace)

    await Moves(namespace).before(mover, behind)  # the middle is the place of what runs
    await finish(namespace, taken, "release")

    assert await order(namespace) == [before, taken.task_id, mover, behind]


async def test_it_comes_back_to_that_place_after_a_lost_lease(namespace: Namespace) -> None:
    ids = await add_mixed(namespace, 4)
    await Moves(namespace).before(ids[3], ids[0])
    taken = (await claim(namespace, needs=NEEDS, limit=2)).claims

    for claimed in taken[::-1]:
        await lose(namespace, claimed.task_id)

    assert await order(namespace) == [ids[3], *ids[:3]]


async def test_a_blocked_task_comes_back_before_the_other_one(namespace: Namespace) -> None:
    waits, holder = await blocked(namespace)
    others = await add_mixed(namespace, 3)

    moved = await Moves(namespace).before(waits, others[2])
    await finish(namespace, holder, "succeeded")

    assert moved.position == 3
    assert await order(namespace) == [*others[:2], waits, others[2]]


async def test_the_other_one_must_be_queued_in_the_same_queue(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, priority=-1)
    (elsewhere,) = await add(namespace, queue="other")
    taken = await running(namespace)

    for other, words in (
        (task_id, f"task {task_id} can't be moved next to itself"),
        (elsewhere, "which waits in queue other; move it to queue other first"),
        (taken.task_id, "which is running: that one must be queued"),
        (await in_state(namespace, "delayed"), "which is delayed: that one must be queued"),
        (TaskId("none"), "there is no such task"),
    ):
        with pytest.raises(UsageError, match=words):
            await Moves(namespace).before(task_id, other)

    assert await events(namespace, "moved") == []


async def test_what_runs_or_is_not_there_is_not_moved(namespace: Namespace) -> None:
    taken = await running(namespace)
    (other,) = await add(namespace)

    with pytest.raises(WrongState, match="is running; only tasks that wait can be moved"):
        await Moves(namespace).before(taken.task_id, other)
    with pytest.raises(TaskNotFound, match="none"):
        await Moves(namespace).before(TaskId("none"), other)
