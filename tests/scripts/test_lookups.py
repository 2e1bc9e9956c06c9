from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import SelectorError, TaskNotFound
from rq_agent.broker.ids import encode
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.broker.record import UNKNOWN
from rq_agent.broker.tasks import NewTask

from .steps import claim, enqueue, new_task


def new(number: int, **options: Any) -> NewTask:
    given = {"id": encode(number), "queue": "default", "name": f"task-{number}", "user": "ada"}
    return new_task(**(given | options))


async def test_a_queued_task_is_read_with_what_it_needs_and_its_place(namespace: Namespace) -> None:
    need = Need(gpus=1, mem_mib=512)
    options = {"need": need, "labels": {"team": "vision"}, "params": {"lr": "0.1"}}
    await enqueue(namespace, new(1), new(2, **options))

    record = await Lookups(namespace).record(encode(2))

    assert (record.state, record.position, record.needs) == ("queued", 2, need)
    assert (record.labels, record.params) == ({"team": "vision"}, {"lr": "0.1"})
    assert (record.user, record.queue, record.attempt, record.fence) == ("ada", "default", 1, 0)
    assert record.created_at is not None
    assert record.started_at is None


async def test_a_running_task_names_its_worker_and_has_no_place(namespace: Namespace) -> None:
    await enqueue(namespace, new(1))
    await claim(namespace, "default", worker="box-1")

    record = await Lookups(namespace).record(encode(1))

    assert (record.state, record.worker, record.fence) == ("running", "box-1", 1)
    assert record.position is None
    assert record.started_at is not None


async def test_places_count_all_shapes_of_a_queue_in_the_order_they_are_served(
    namespace: Namespace,
) -> None:
    gpu = Need(gpus=1)
    await enqueue(
        namespace,
        new(1),
        new(2, need=gpu),
        new(3, queue="other"),
        new(4, priority=5, need=gpu),
        new(5, delay_ms=60_000),
        new(6),
    )

    records = await Lookups(namespace).records([encode(n) for n in range(1, 7)])

    assert [r.position for r in records] == [2, 3, 1, 1, None, 4]


async def test_ids_that_do_not_exist_are_left_out_of_many_and_refused_for_one(
    namespace: Namespace,
) -> None:
    await enqueue(namespace, new(1))

    assert [r.id for r in await Lookups(namespace).records([encode(9), encode(1)])] == [encode(1)]
    with pytest.raises(TaskNotFound, match=encode(9)):
        await Lookups(namespace).record(encode(9))


async def test_a_record_that_somebody_overwrote_does_not_break_the_others(
    namespace: Namespace,
) -> None:
    await enqueue(namespace, new(1), new(2))
    await namespace.redis.delete(keys.task(namespace.prefix, encode(1)))
    await namespace.redis.set(keys.task(namespace.prefix, encode(1)), "garbage")

    broken, sound = await Lookups(namespace).records([encode(1), encode(2)])

    assert (broken.state, sound.state) == (UNKNOWN, "queued")
    assert broken.reason.startswith("malformed record: WRONGTYPE")
    await namespace.redis.delete(keys.task(namespace.prefix, encode(1)))


async def test_last_is_the_newest_task_of_a_user_or_of_all(namespace: Namespace) -> None:
    await enqueue(namespace, new(1), new(3, user="bob"), new(2))
    lookups = Lookups(namespace)

    assert await lookups.resolve("last") == encode(3)
    assert await lookups.resolve("last", user="ada") == encode(2)
    with pytest.raises(SelectorError, match="no task of user eve yet"):
        await lookups.resolve("last", user="eve")


async def test_a_task_is_found_by_its_id_its_beginning_and_its_name(namespace: Namespace) -> None:
    task_id = TaskId("01abcdefgh000001")
    await enqueue(namespace, new(1, id=task_id, name="train é.py"))
    lookups = Lookups(namespace)

    for selector in (task_id, "01abc", "0", "train é.py"):
        assert await lookups.resolve(selector) == task_id


async def test_a_name_means_its_newest_task(namespace: Namespace) -> None:
    await enqueue(namespace, new(1, name="train"), new(2, name="train"), new(3))

    assert await Lookups(namespace).resolve("train") == encode(2)


async def test_a_long_name_is_found_whole(namespace: Namespace) -> None:
    name = "n" * 200
    await enqueue(namespace, new(1, name=name))
    lookups = Lookups(namespace)

    assert await lookups.resolve(name) == encode(1)
    assert (await lookups.record(encode(1))).name == name
    with pytest.raises(SelectorError):
        await lookups.resolve("n" * 64)


async def test_a_beginning_of_several_ids_lists_them(namespace: Namespace) -> None:
    await enqueue(namespace, *(new(n) for n in range(7)))

    with pytest.raises(SelectorError) as caught:
        await Lookups(namespace).resolve("000")

    listed = ", ".join(encode(n) for n in range(5))
    assert f"several ids: {listed}, ...; type more of it" in str(caught.value)


async def test_a_name_that_looks_like_the_beginning_of_several_ids_wins(
    namespace: Namespace,
) -> None:
    await enqueue(namespace, new(1), new(2, name="000"))

    assert await Lookups(namespace).resolve("000") == encode(2)


async def test_an_unknown_selector_is_refused_with_near_names(namespace: Namespace) -> None:
    await enqueue(namespace, new(1, name="train_digits.py"))

    with pytest.raises(SelectorError, match=r"did you mean train_digits\.py\?"):
        await Lookups(namespace).resolve("train_digit.py")


@pytest.mark.parametrize("selector", ["", "no such", "[", "\x00", "-", "+", "last ", "x" * 5000])
async def test_a_selector_that_fits_nothing_is_refused(namespace: Namespace, selector: str) -> None:
    with pytest.raises(SelectorError, match="no task has the id or the name"):
        await Lookups(namespace).resolve(selector)


async def test_an_id_that_is_gone_is_called_so(namespace: Namespace) -> None:
    with pytest.raises(SelectorError, match="may have been purged"):
        await Lookups(namespace).resolve(encode(7))


async def test_last_without_any_task_says_what_to_do(namespace: Namespace) -> None:
    with pytest.raises(SelectorError, match="no task yet; submit one first"):
        await Lookups(namespace).resolve("last")
