import msgspec
import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.errors import UsageError
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import shape_id
from rq_agent.broker.new_task import Parent
from rq_agent.broker.shapes import Shapes
from rq_agent.broker.tasks import DefinitionUpload, EnqueueOutcome, Tasks

from .steps import (
    CPU,
    DIGEST,
    ENCODED,
    GPU,
    LEASE_MS,
    add,
    beat,
    claim,
    claim_one,
    enqueue,
    events,
    extra,
    fields,
    finish,
    history,
    line,
    members,
    new_task,
    now_ms,
    score,
    state,
    tick,
)


async def test_a_task_goes_from_enqueue_through_claim_to_its_end(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    assert await line(namespace) == [task_id]

    claim = await claim_one(namespace)
    assert await state(namespace, task_id) == "running"

    assert await finish(namespace, claim, "succeeded", exit_code=0) == FinishCode.APPLIED
    assert await state(namespace, task_id) == "succeeded"
    assert [e["event"] for e in await events(namespace)] == ["enqueued", "claimed", "succeeded"]
    assert await history(namespace, task_id) == ["enqueued", "claimed", "succeeded"]


async def test_a_task_is_stored_as_people_read_it(namespace: Namespace) -> None:
    task = new_task(
        name="train",
        user="ada@lab",
        priority=-3,
        need=GPU,
        labels={"team": "vision"},
        params={"lr": "0.1"},
        lease_ms=9_000,
        max_lost=5,
        timeout_ms=1_000,
    )

    await enqueue(namespace, task)

    stored = await fields(namespace, task.id)
    assert abs(int(stored.pop("created_ms")) - await now_ms(namespace)) < 60_000
    assert int(stored.pop("order")) == (127 + 3) * 2**44 + 2**43 + 2**10
    assert stored == {
        "state": "queued",
        "queue": "q",
        "shape": shape_id(GPU),
        "priority": "-3",
        "name": "train",
        "user": "ada@lab",
        "definition": DIGEST,
        "lease_ms": "9000",
        "max_lost": "5",
        "timeout_ms": "1000",
    }
    assert await extra(namespace, task.id) == {
        "labels": '{"team":"vision"}',
        "params": '{"lr":"0.1"}',
    }
    assert await namespace.redis.get(keys.arguments(namespace.prefix, task.id)) == b"signed"


async def test_a_record_leaves_out_what_every_reader_knows(namespace: Namespace) -> None:
    task = new_task(name="", user="")

    await enqueue(namespace, task)

    assert sorted(await fields(namespace, task.id)) == [
        *("created_ms", "definition", "order", "queue", "shape", "state"),
    ]
    record = await Lookups(namespace).record(task.id)
    assert (record.attempt, record.fence, record.lost, record.priority) == (1, 0, 0, 0)
    assert (record.queued_at, record.timeout_s) == (record.created_at, 0)
    taken = await claim_one(namespace)
    assert (taken.attempt, taken.fence, taken.lost, taken.priority) == (1, 1, 0, 0)
    assert (taken.lease_ms, taken.timeout_ms, taken.name, taken.user) == (LEASE_MS, 0, "", "")


async def test_a_task_without_an_own_lease_has_that_of_its_worker(namespace: Namespace) -> None:
    await add(namespace)

    taken = await claim_one(namespace, lease_ms=7_000)
    at_claim = await score(namespace, keys.leases(namespace.prefix), taken.task_id)
    await beat(namespace, taken, ttl_ms=9_000)
    at_beat = await score(namespace, keys.leases(namespace.prefix), taken.task_id)

    assert taken.lease_ms == 7_000
    assert at_claim is not None
    assert at_beat is not None
    assert 1_000 < at_beat - at_claim < 60_000


async def test_an_id_that_comes_twice_in_one_call_is_added_once(namespace: Namespace) -> None:
    task = new_task(envelope=b"first")

    first, again, other = await enqueue(
        namespace, task, new_task(id=task.id, envelope=b"again"), new_task()
    )

    assert [first.outcome, again.outcome, other.outcome] == ["queued", "duplicate", "queued"]
    assert await line(namespace) == [task.id, other.id]
    assert (await claim_one(namespace)).envelope == b"first"
    assert await namespace.redis.hget(keys.references(namespace.prefix), f"d:{DIGEST}") == b"2"


async def test_the_event_stream_stays_bounded_by_enqueues_alone(namespace: Namespace) -> None:
    key = keys.events(namespace.prefix)
    fill = 'for n = 1, 100500 do redis.call("XADD", KEYS[1], "*", "n", n) end'
    await namespace.redis.eval(fill, 1, key)
    assert await namespace.redis.xlen(key) == 100_500

    await add(namespace)

    assert await namespace.redis.xlen(key) < 100_400


async def test_a_task_is_found_by_user_name_queue_and_label(namespace: Namespace) -> None:
    task = new_task(name="train", user="ada", labels={"a": "1", "b": "x:y"})

    await enqueue(namespace, task)

    p = namespace.prefix
    for key in (
        keys.ids(p),
        keys.index(p, "user", "ada"),
        keys.index(p, "name", "train"),
        keys.index(p, "queue", "q"),
        keys.index(p, "label", "a"),
        keys.index(p, "label", "a=1"),
        keys.index(p, "label", "b=x:y"),
    ):
        assert await members(namespace, key) == [task.id]


async def test_the_hash_of_a_task_stays_compact(namespace: Namespace) -> None:
    task = new_task(name="n" * 200, user="ü" * 60, timeout_ms=10**15, labels={"a": "b" * 100})

    await enqueue(namespace, task)
    claim = await claim_one(namespace)
    await finish(namespace, claim, "timed_out", reason="r" * 1000, exit_code=124)

    stored = await fields(namespace, task.id)
    assert all(len(value.encode()) <= 64 for value in stored.values())
    assert stored["name"] == "n" * 64
    assert (await extra(namespace, task.id))["name"] == "n" * 200
    assert await members(namespace, keys.index(namespace.prefix, "name", "n" * 200)) == [task.id]


async def test_redis_keeps_the_hash_of_a_task_as_a_listpack(namespace: Namespace) -> None:
    task = new_task(name="n" * 200, user="u" * 60)
    await enqueue(namespace, task)

    try:
        encoding = await namespace.redis.object("ENCODING", keys.task(namespace.prefix, task.id))
    except ResponseError:
        return  # fakeredis has no encodings

    assert encoding in (b"listpack", b"ziplist")


@pytest.mark.parametrize("batch", [1, 450])
async def test_tasks_of_one_priority_stay_in_their_order(namespace: Namespace, batch: int) -> None:
    ids = [i for _ in range(3) for i in await add(namespace, batch)]

    assert await line(namespace) == ids


async def test_a_higher_priority_is_before_all_that_came_earlier(namespace: Namespace) -> None:
    lowest, first, second, highest = [
        (await add(namespace, priority=p))[0] for p in (-128, 0, 0, 127)
    ]

    assert await line(namespace) == [highest, first, second, lowest]


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("queue", "a:b", "queue 'a:b' is not a name"),
        ("queue", "", "queue '' is not a name"),
        ("priority", 128, "priority 128 is not between -128 and 127"),
        ("priority", -129, "priority -129"),
        ("name", "n" * 256, "at most 255 characters, not 256"),
        ("labels", {"a=b": "c"}, "label 'a=b' is not acceptable"),
        ("labels", {"": "c"}, "label ''"),
        ("labels", {"a": "c" * 255}, "label 'a'"),
        ("name", "\udcff", "not valid UTF-8"),
        ("labels", {"a": "\udcff"}, "not valid UTF-8"),
        ("params", {"a": "\udcff"}, "not valid UTF-8"),
    ],
)
async def test_what_redis_could_not_keep_is_refused_before_anything_is_written(
    namespace: Namespace, field: str, value: object, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        await enqueue(namespace, new_task(), new_task(**{field: value}))

    assert await members(namespace, keys.ids(namespace.prefix)) == []


async def test_a_task_whose_likes_are_fine_can_not_wait_for_itself(namespace: Namespace) -> None:
    parent = new_task()
    await enqueue(namespace, parent)
    edges = (Parent(parent.id),)
    itself = msgspec.structs.replace(parent, parents=edges)

    with pytest.raises(UsageError, match="can't wait for itself"):
        await enqueue(namespace, new_task(parents=edges), itself)


async def test_an_id_that_exists_is_left_alone(namespace: Namespace) -> None:
    task = new_task()
    await enqueue(namespace, task)
    claim = await claim_one(namespace)
    before = await fields(namespace, task.id)

    again, other = await enqueue(namespace, task, new_task())

    assert again.outcome == EnqueueOutcome.DUPLICATE
    assert other.outcome == EnqueueOutcome.QUEUED
    assert await fields(namespace, task.id) == before
    assert await line(namespace) == [other.id]
    assert await finish(namespace, claim, "succeeded") == FinishCode.APPLIED


async def test_a_delayed_task_is_not_ready(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, delay_ms=5_000)

    assert await state(namespace, task_id) == "delayed"
    assert await line(namespace) == []
    due = await score(namespace, keys.delayed(namespace.prefix), task_id)
    assert due is not None
    assert 0 < due - await now_ms(namespace) <= 5_000
    assert (await claim(namespace)).next_due_ms == due


async def test_a_queue_timeout_counts_from_the_end_of_the_delay(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, delay_ms=5_000, queue_timeout_ms=1_000)

    p = namespace.prefix
    assert await members(namespace, keys.deadlines(p)) == []
    await namespace.redis.zadd(keys.delayed(p), {task_id: 1})
    before = await now_ms(namespace)
    await tick(namespace)

    deadline = await score(namespace, keys.deadlines(p), task_id)
    assert deadline is not None
    assert before + 1_000 <= deadline <= await now_ms(namespace) + 1_000


async def test_shapes_and_queues_are_kept_once(namespace: Namespace) -> None:
    await add(namespace, 2, need=GPU)
    await add(namespace, 2, queue="r")

    assert await Shapes(namespace).all() == {shape_id(CPU): CPU, shape_id(GPU): GPU}
    assert await namespace.redis.smembers(keys.queues(namespace.prefix)) == {b"q", b"r"}


async def test_a_new_definition_makes_its_blobs_stay(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await redis.set(keys.blob(p, "b1"), b"code", ex=3600)
    upload = {DIGEST: DefinitionUpload(encoded=ENCODED, blobs=("b1",))}

    for _ in range(2):
        await Tasks(namespace).enqueue([new_task(), new_task()], upload)

    assert await redis.get(keys.definition(p, DIGEST)) == ENCODED
    assert await redis.pttl(keys.blob(p, "b1")) == -1
    assert await redis.hgetall(keys.references(p)) == {
        b"blob:b1": b"1",
        f"blobs:{DIGEST}".encode(): b"b1",
        f"d:{DIGEST}".encode(): b"4",
    }


async def test_a_missing_blob_stops_only_the_tasks_that_need_it(namespace: Namespace) -> None:
    p = namespace.prefix
    other = "0" * 64
    uploads = {
        DIGEST: DefinitionUpload(encoded=ENCODED, blobs=("gone",)),
        other: DefinitionUpload(encoded=b"other"),
    }
    without, with_all = new_task(), new_task(definition=other)

    first, second = await Tasks(namespace).enqueue([without, with_all], uploads)

    assert first.outcome == EnqueueOutcome.MISSING_BLOB
    assert second.outcome == EnqueueOutcome.QUEUED
    assert await fields(namespace, without.id) == {}
    assert not await namespace.redis.exists(keys.definition(p, DIGEST))
    assert await members(namespace, keys.ids(p)) == [with_all.id]


async def test_a_definition_that_redis_has_need_not_be_sent(namespace: Namespace) -> None:
    (unknown,) = await Tasks(namespace).enqueue([new_task()], {})
    await add(namespace)
    (known,) = await Tasks(namespace).enqueue([new_task()], {})

    assert unknown.outcome == EnqueueOutcome.MISSING_DEFINITION
    assert known.outcome == EnqueueOutcome.QUEUED


async def test_a_history_keeps_the_last_64_events(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)

    for _ in range(40):
        await finish(namespace, await claim_one(namespace), "release")

    lines = await history(namespace, task_id)
    assert len(lines) == 64
    assert lines[-2:] == ["claimed", "release"]


async def test_unlike_tasks_of_one_call_keep_their_own_fields_and_one_order(
    namespace: Namespace,
) -> None:
    unlike = [
        new_task(need=(CPU, GPU)[n % 2], user=f"u{n % 3}", params={"n": str(n)}, envelope=b"%d" % n)
        for n in range(12)
    ]
    other = new_task(queue="r", priority=5, labels={"a": "1"}, delay_ms=60_000)

    outcomes = await enqueue(namespace, *unlike[:6], other, *unlike[6:])

    assert [o.outcome for o in outcomes] == ["queued"] * 6 + ["delayed"] + ["queued"] * 6
    assert (await fields(namespace, other.id))["priority"] == "5"
    taken = await claim(namespace, needs=(CPU, GPU), limit=20)
    assert [(c.task_id, c.user, c.envelope) for c in taken.claims] == [
        (t.id, t.user, t.envelope) for t in unlike
    ]
    for n, task in enumerate(unlike):
        assert await extra(namespace, task.id) == {"params": f'{{"n":"{n}"}}'}
