"""page.lua: which ids a look finds, and how many it looks at for them."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys, listing
from rq_agent.broker.ids import encode
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters, Ids
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Parent
from rq_agent.broker.record import Record
from rq_agent.broker.states import TaskState
from rq_agent.broker.tasks import NewTask, Tasks

from .steps import claim, claim_one, enqueue, finish, new_task

_USERS = ("", "ada", "bob")
_NAMES = ("", "eval", "train")
_QUEUES = ("q", "r")
_LABELS: tuple[dict[str, str], ...] = ({}, {"team": "a"}, {"team": "b", "sweep": "a"}, {"a": "x"})
_LABEL_FILTERS = ("", "", "team", "team=a", "sweep", "sweep=a", "swee", "a")


def new(number: int, **options: Any) -> NewTask:
    return new_task(**({"id": encode(number)} | options))


def numbers(ids: Sequence[TaskId]) -> list[int]:
    return [int(i) for i in ids]  # ids with digits only, see new()


async def walk(ns: Namespace, filters: Filters, limit: int) -> list[TaskId]:
    """Return what all looks find, one after the other."""
    found: list[TaskId] = []
    before = None
    for _ in range(1000):
        some = await listing.find(ns, filters, limit=limit, before=before)
        assert len(some.ids) <= limit
        found += some.ids
        if (before := some.before) is None:
            return found
    raise AssertionError("the walk does not end")


async def populate(ns: Namespace, rng: random.Random, count: int) -> list[TaskId]:
    """Enqueue tasks of all kinds and bring them into all states."""
    parent = new(31**4, queue="parents")
    await enqueue(ns, parent)
    ids = [encode(rng.randrange(2**70)) for _ in range(count)]
    kinds: list[dict[str, Any]] = [{}, {}, {}, {}, {"delay_ms": 60_000}, {"is_draft": True}]
    kinds.append({"parents": (Parent(parent.id),)})
    for task_id in ids:
        kind = rng.choice(kinds)
        given = {"user": rng.choice(_USERS), "name": rng.choice(_NAMES)}
        labels, queue = rng.choice(_LABELS), rng.choice(_QUEUES)
        await enqueue(ns, new_task(id=task_id, labels=labels, queue=queue, **given, **kind))
        if rng.random() < 0.2:
            await Tasks(ns).cancel(task_id)
    for end in ("", "", "succeeded", "succeeded", "failed") * (count // 40):
        running = await claim_one(ns, *_QUEUES)
        if end:
            await finish(ns, running, end)
    return [parent.id, *ids]


def draw(rng: random.Random) -> Filters:
    count = rng.choice((0, 0, 1, 1, 2, 5, 13))
    return Filters(
        states=rng.sample(list(TaskState), count),
        queue=rng.choice(("", "", *_QUEUES)),
        user=rng.choice(_USERS),
        name=rng.choice(_NAMES),
        label=rng.choice(_LABEL_FILTERS),
    )


@pytest.mark.parametrize("bound", [3, 4000])
async def test_all_looks_together_find_exactly_what_the_records_say(
    namespace: Namespace, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(bound)
    ids = await populate(namespace, rng, 80)
    records: list[Record] = await Lookups(namespace).records(sorted(ids, reverse=True))
    monkeypatch.setattr(listing, "_BOUND", bound)

    for _ in range(150):
        filters, limit = draw(rng), rng.choice((1, 2, 7, 500))
        accepted = [r.id for r in records if filters.accept(r)]

        assert await walk(namespace, filters, limit) == accepted, (filters, limit)


async def test_what_two_filters_have_in_common_is_found_without_looking_at_the_rest(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [("ada", "train"), ("bob", "train"), ("ada", "eval"), ("bob", "train")]
    await enqueue(namespace, new(1, user="ada", name="train"))
    for n, (user, name) in enumerate(blocks):
        first = 10 + 100 * n
        tasks = (new(first + i, user=user, name=name) for i in range(100))
        await enqueue(namespace, *tasks)
    monkeypatch.setattr(listing, "_BOUND", 200)

    some = await listing.find(namespace, Filters(user="bob", name="eval"))
    few = await listing.find(namespace, Filters(user="ada", name="train"), limit=1)

    assert some == Ids(ids=[], before=None)
    assert few.ids == [encode(10 + 99)]


async def test_a_few_queued_tasks_are_found_behind_many_that_ended(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enqueue(namespace, *(new(n) for n in range(1, 60)))
    ended = [new(1000 + n) for n in range(120)]
    await enqueue(namespace, *ended)
    for task in ended:
        await Tasks(namespace).cancel(task.id)
    monkeypatch.setattr(listing, "_BOUND", 40)

    some = await listing.find(namespace, Filters(states=[TaskState.QUEUED]), limit=3)

    assert some.ids == [encode(59), encode(58), encode(57)]


async def test_a_look_stops_at_its_bound_and_the_next_one_goes_on_there(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_turn = [{"user": "ada"}, {"name": "train"}]
    await enqueue(namespace, new(1, user="ada", name="train"))
    await enqueue(namespace, *(new(n, **in_turn[n % 2]) for n in range(2, 150)))
    monkeypatch.setattr(listing, "_BOUND", 20)
    filters = Filters(user="ada", name="train")

    some = await listing.find(namespace, filters)

    assert some.ids == []
    assert some.before is not None
    assert encode(50) < some.before < encode(149)
    assert await walk(namespace, filters, 10) == [encode(1)]


async def test_a_look_that_stops_early_lists_nothing_beyond(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enqueue(namespace, new(1, user="ada"), *(new(n, user="ada") for n in range(10, 70)))
    await claim_one(namespace)
    for n in range(10, 70):
        await Tasks(namespace).cancel(encode(n))
    monkeypatch.setattr(listing, "_BOUND", 3)
    filters = Filters(user="ada", states=[TaskState.RUNNING, TaskState.CANCELLED])

    some = await listing.find(namespace, filters, limit=500)

    assert some == Ids(ids=[encode(n) for n in range(69, 53, -1)], before=encode(54))
    assert await walk(namespace, filters, 500) == [*map(encode, range(69, 9, -1)), encode(1)]


async def test_the_newest_of_several_owning_sets_are_taken_by_id(namespace: Namespace) -> None:
    for n in (10, 20, 30, 40, 50):
        await enqueue(namespace, new(n, delay_ms=1000 * (100 - n)))
    await enqueue(namespace, new(45))
    await claim_one(namespace)
    await enqueue(namespace, *(new(n) for n in range(100, 140)))

    some = await listing.find(
        namespace, Filters(states=[TaskState.DELAYED, TaskState.RUNNING]), limit=2
    )

    assert some.ids == [encode(50), encode(45)]


@pytest.mark.parametrize(("owned", "others"), [(2_500, 20_000), (12_000, 100)])
async def test_large_owning_sets_are_searched_to_their_end(
    namespace: Namespace, owned: int, others: int
) -> None:
    p, redis = namespace.prefix, namespace.redis
    due = [encode(32**5 + n) for n in range(owned)]  # the newest is due first
    await redis.zadd(keys.delayed(p), {str(i): owned - n for n, i in enumerate(due)})
    ids: dict[str, int] = dict.fromkeys([*map(encode, range(others)), *due], 0)
    await redis.zadd(keys.ids(p), ids)

    some = await listing.find(namespace, Filters(states=[TaskState.DELAYED]), limit=3)

    assert some.ids == due[:-4:-1]


async def test_a_task_that_stands_under_two_states_is_listed_once(namespace: Namespace) -> None:
    task = new(1)
    await enqueue(namespace, task)
    await Tasks(namespace).cancel(task.id)
    await namespace.redis.zadd(keys.index(namespace.prefix, "state", "dead"), {task.id: 0})

    some = await listing.find(namespace, Filters(states=[TaskState.DEAD, TaskState.CANCELLED]))

    assert some.ids == [task.id]


async def test_nothing_is_listed_twice_or_missed_while_tasks_come_and_go(
    namespace: Namespace,
) -> None:
    await enqueue(namespace, *(new(n, user="ada") for n in range(1, 40)))
    lookups = Lookups(namespace)
    filters = Filters(user="ada", states=[TaskState.QUEUED, TaskState.RUNNING])
    seen: list[TaskId] = []
    before = None
    gone = set()

    for n in range(40, 60):
        page = await lookups.list(filters, limit=3, before=before)
        seen += [record.id for record in page.records]
        if (before := page.before) is None:
            break
        await enqueue(namespace, new(n, user="ada"))
        gone.add(encode(n - 38))
        await Tasks(namespace).cancel(encode(n - 38))
        await claim(namespace)

    stayed = {encode(n) for n in range(1, 40)} - gone
    assert before is None
    assert len(seen) == len(set(seen))
    assert stayed <= set(seen) <= {encode(n) for n in range(1, 40)}


async def test_keys_that_hold_something_else_are_empty_and_break_no_list(
    namespace: Namespace,
) -> None:
    p, redis = namespace.prefix, namespace.redis
    await enqueue(namespace, *(new(n) for n in range(1, 30)))
    broken = [keys.index(p, "user", "eve"), keys.index(p, "state", "dead"), keys.delayed(p)]
    for key in broken:
        await redis.set(key, "garbage")
    await redis.delete(keys.task(p, encode(3)))
    await redis.set(keys.task(p, encode(3)), "garbage")
    lookups = Lookups(namespace)

    for filters in (
        Filters(user="eve"),
        Filters(states=[TaskState.DEAD]),
        Filters(states=[TaskState.DEAD, TaskState.DELAYED]),
        Filters(states=[TaskState.DELAYED]),
    ):
        assert (await lookups.list(filters)).records == []
    queued = await lookups.list(Filters(states=[TaskState.QUEUED]))
    assert [r.id for r in queued.records] == [encode(n) for n in range(29, 0, -1) if n != 3]
    for n in range(9, 30):  # so that an index of another state is counted in
        await Tasks(namespace).cancel(encode(n))
    few = await lookups.list(Filters(states=[TaskState.QUEUED]))
    assert [r.id for r in few.records] == [encode(n) for n in (8, 7, 6, 5, 4, 2, 1)]
    await redis.delete(*broken, keys.task(p, encode(3)))


async def read_only(ns: Namespace, arguments: Sequence[str | int]) -> Any:
    """Run the script so that a write would be refused, where the server can."""
    redis: Any = ns.redis
    try:
        return await redis.execute_command(
            "EVAL_RO", ns.scripts.page.text, 1, ns.prefix, *arguments
        )
    except ResponseError as e:
        if "unknown command" not in str(e).lower():  # Redis 6.2, fakeredis
            raise
    return await ns.scripts.page(arguments)


@pytest.mark.parametrize("state", [TaskState.QUEUED, TaskState.SUCCEEDED, TaskState.RUNNING])
async def test_a_server_that_only_reads_can_answer(namespace: Namespace, state: TaskState) -> None:
    await enqueue(namespace, *(new(n) for n in range(1, 9)))
    arguments: list[str | int] = ["", 5, 100, "q", 0, 1, state]

    answer = await read_only(namespace, arguments)

    found = [encode(n).encode() for n in range(8, 3, -1)] if state == TaskState.QUEUED else []
    assert answer[0] == found
