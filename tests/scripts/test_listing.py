from typing import Any

import pytest

from rq_agent.broker import keys, listing
from rq_agent.broker.ids import encode
from rq_agent.broker.listing import Filters, Page
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.states import TaskState
from rq_agent.broker.tasks import NewTask, Tasks

from .steps import claim, enqueue, new_task


def new(number: int, **options: Any) -> NewTask:
    given = {"id": encode(number), "queue": "default", "name": "train", "user": "ada"}
    return new_task(**(given | options))


def numbers(page: Page) -> list[int]:
    return [int(record.id) for record in page.records]  # ids below 10 have one digit


async def test_tasks_are_listed_newest_first_with_their_places(namespace: Namespace) -> None:
    await enqueue(namespace, new(1), new(3), new(2, queue="other"))

    page = await Lookups(namespace).list()

    assert numbers(page) == [3, 2, 1]
    assert [r.position for r in page.records] == [2, 1, 1]
    assert (page.before, page.is_truncated) == (None, False)


async def test_an_empty_namespace_lists_nothing(namespace: Namespace) -> None:
    assert await Lookups(namespace).list() == Page(records=[], before=None, is_truncated=False)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(queue="high"), [2]),
        (Filters(user="bob"), [3]),
        (Filters(name="eval"), [4]),
        (Filters(label="team=vision"), [9, 5]),
        (Filters(label="team"), [9, 6, 5]),
        (Filters(label="team="), []),
        (Filters(label="team=vision", user="bob"), []),
        (Filters(label="team=vision", user="eve"), []),
        (Filters(label="team=speech", user="bob"), []),
        (Filters(states=[TaskState.QUEUED]), [9, 6, 5, 4, 3, 1]),
        (Filters(states=[TaskState.RUNNING]), [2]),
        (Filters(states=[TaskState.RUNNING], queue="default"), []),
        (Filters(states=[TaskState.DELAYED]), [7]),
        (Filters(states=[TaskState.DELAYED, TaskState.RUNNING], user="ada"), [7, 2]),
        (Filters(states=[TaskState.CANCELLED]), [8]),
        (Filters(states=[TaskState.CANCELLED, TaskState.RUNNING]), [8, 2]),
    ],
)
async def test_only_what_all_filters_accept_is_listed(
    namespace: Namespace, filters: Filters, found: list[int]
) -> None:
    await enqueue(
        namespace,
        new(1),
        new(2, queue="high"),
        new(3, user="bob"),
        new(4, name="eval"),
        new(5, labels={"team": "vision"}),
        new(6, labels={"team": "speech"}, user="eve"),
        new(7, delay_ms=60_000),
        new(8),
        new(9, labels={"team": "vision"}),
    )
    await claim(namespace, "high")
    await Tasks(namespace).cancel(encode(8))

    assert numbers(await Lookups(namespace).list(filters)) == found


async def test_a_last_page_that_is_full_says_that_it_is_the_last(namespace: Namespace) -> None:
    await enqueue(namespace, new(1), new(2))

    assert (await Lookups(namespace).list(limit=2)).before is None
    assert (await Lookups(namespace).list(limit=1)).before == encode(2)


@pytest.mark.parametrize("filters", [Filters(), Filters(states=[TaskState.QUEUED])])
async def test_a_list_is_read_in_pages_without_repeating_or_missing_any(
    namespace: Namespace, filters: Filters
) -> None:
    await enqueue(namespace, *(new(n) for n in range(1, 8)))
    lookups = Lookups(namespace)

    first = await lookups.list(filters, limit=3)
    second = await lookups.list(filters, limit=3, before=first.before)
    third = await lookups.list(filters, limit=3, before=second.before)

    assert [numbers(p) for p in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert third.before is None


async def test_a_page_may_be_larger_than_one_look(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_IDS", 2)
    await enqueue(namespace, *(new(n) for n in range(1, 8)))

    page = await Lookups(namespace).list(limit=5)

    assert numbers(page) == [7, 6, 5, 4, 3]
    assert page.before == encode(3)


async def test_a_search_stops_at_its_bound_and_says_so(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_BOUND", 4)
    monkeypatch.setattr(listing, "MAX_SCANNED", 4)
    in_turn = [{"user": "bob"}, {"name": "eval"}]
    await enqueue(namespace, new(1, user="bob", name="eval"))
    await enqueue(namespace, *(new(n, **in_turn[n % 2]) for n in range(100, 160)))
    lookups = Lookups(namespace)
    wanted = Filters(user="bob", name="eval")

    first = await lookups.list(wanted)
    monkeypatch.setattr(listing, "MAX_SCANNED", 20_000)
    second = await lookups.list(wanted, before=first.before)

    assert (numbers(first), first.is_truncated) == ([], True)
    assert (numbers(second), second.is_truncated) == ([1], False)


async def test_tasks_that_an_index_still_names_but_that_changed_are_not_listed(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enqueue(namespace, *(new(n) for n in range(1, 8)))
    await namespace.redis.hset(keys.task(namespace.prefix, encode(5)), "state", "cancelled")

    page = await Lookups(namespace).list(Filters(states=[TaskState.QUEUED]), limit=4)

    assert numbers(page) == [7, 6, 4, 3]
    await namespace.redis.hset(keys.task(namespace.prefix, encode(5)), "state", "queued")


async def test_the_tasks_of_a_user_with_a_long_name_are_found(namespace: Namespace) -> None:
    await enqueue(namespace, new(1, user="a" * 100), new(2, user="a" * 60))

    assert numbers(await Lookups(namespace).list(Filters(user="a" * 100))) == [1]


async def test_a_name_that_no_terminal_could_show_finds_nothing(namespace: Namespace) -> None:
    await enqueue(namespace, new(1))

    assert numbers(await Lookups(namespace).list(Filters(user="\udcff"))) == []


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (Filters(), 7),
        (Filters(queue="high"), 1),
        (Filters(user="bob"), 2),
        (Filters(name="train"), 7),
        (Filters(label="team=vision"), 2),
        (Filters(label="team"), 2),
        (Filters(user="bob", name="train"), None),
        (Filters(states=[TaskState.CANCELLED]), 1),
        (Filters(states=[TaskState.QUEUED]), 4),
        (Filters(states=[TaskState.QUEUED], queue="default"), 4),
        (Filters(states=[TaskState.RUNNING], queue="default"), 0),
        (Filters(states=[TaskState.RUNNING], queue="high"), 1),
        (Filters(states=[TaskState.RUNNING, TaskState.DELAYED, TaskState.CANCELLED]), 3),
        (Filters(states=[TaskState.CANCELLED], queue="high"), None),
        (Filters(states=[TaskState.QUEUED], user="bob"), None),
        (Filters(states=list(TaskState)), 7),
    ],
)
async def test_tasks_are_counted_where_no_search_is_needed(
    namespace: Namespace, filters: Filters, count: int | None
) -> None:
    await enqueue(
        namespace,
        new(1),
        new(2, queue="high"),
        new(3, user="bob"),
        new(4, user="bob", labels={"team": "vision"}),
        new(5, labels={"team": "vision"}),
        new(6, delay_ms=60_000),
        new(7),
    )
    await claim(namespace, "high")
    await Tasks(namespace).cancel(encode(7))

    assert await Lookups(namespace).count(filters) == count


async def test_an_id_whose_record_is_gone_is_skipped(namespace: Namespace) -> None:
    await enqueue(namespace, new(1))
    await namespace.redis.zadd(keys.ids(namespace.prefix), {encode(2): 0})

    assert numbers(await Lookups(namespace).list()) == [1]
