"""Statistics of queues: what is counted equals what happened."""

from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker import keys, scripts
from rq_agent.broker.counts import MINUTE_MS, Counts, QueueStatistics, Stored
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.errors import UsageError
from rq_agent.broker.histogram import LONGEST_MS, bucket_of
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Parent
from rq_agent.broker.scripts import Script
from rq_agent.broker.statistics import KEPT_MINUTES, Statistics
from rq_agent.broker.tasks import Tasks

from .steps import (
    add,
    beat,
    claim,
    enqueue,
    expire_lease,
    finish,
    forget_a_claim,
    lose,
    members,
    new_task,
    now_ms,
    running,
    tick,
)

LUA = Path(scripts.__file__).parent / "lua"
KEPT_MS = KEPT_MINUTES * MINUTE_MS


async def count(ns: Namespace, code: str, *arguments: int) -> None:
    """Run a script that only counts."""
    parts = [(LUA / f"{name}.lua").read_text() for name in ("prelude", "counts")]
    text = "\n".join([*parts, code, "flush_counts() flush_counts()"])
    await Script(ns.redis, ns.prefix, text)(arguments)


async def stored(ns: Namespace, queue: str = "q") -> Stored:
    """Return what is stored of a queue, whichever minute it happened in."""
    found: dict[bytes, bytes] = {}
    pattern = keys.statistics(ns.prefix, queue, 0).removesuffix("0") + "*"
    async for key in ns.redis.scan_iter(match=pattern, count=1000):
        minute: Any = await ns.redis.hgetall(key)
        assert not minute.keys() & found.keys(), "the minute turned: this can't add up here"
        found |= minute
    return found


async def change(ns: Namespace, task_id: TaskId, **fields: int | str) -> None:
    """Let the record of a task say something else."""
    given: dict[Any, Any] = dict(fields)
    await ns.redis.hset(keys.task(ns.prefix, task_id), mapping=given)


def about(seconds: float) -> Any:
    """Return what equals a time as buckets tell it."""
    return pytest.approx(seconds, rel=1 / 16 + 0.01)


async def latest(ns: Namespace, queue: str = "q") -> QueueStatistics:
    return (await Statistics(ns).latest([queue], 5))[queue]


async def test_lua_and_python_agree_on_the_bucket_of_a_time(namespace: Namespace) -> None:
    around = [2**n + off for n in range(3, 32) for off in (-1, 0, 1)]
    times = sorted({0, 1, 2, LONGEST_MS - 1, LONGEST_MS, 2**53, -1, *around})
    code = "for n = 1, #ARGV do count_wait('q', tonumber(ARGV[n])) end"
    expected: dict[bytes, int] = {}
    for ms in times:
        field = f"w{bucket_of(ms)}".encode()
        expected[field] = expected.get(field, 0) + 1

    await count(namespace, code, *times)

    assert {name: int(value) for name, value in (await stored(namespace)).items()} == expected


async def test_what_a_call_counts_is_added_to_the_minute_of_each_queue(
    namespace: Namespace,
) -> None:
    code = "count('q', 'lost') count('q', 'lost', 3) count('other', 'lost', 2) count_run('q', 7)"

    await count(namespace, code)
    await count(namespace, code)

    found, other = await latest(namespace), await latest(namespace, "other")
    assert found.counts == Counts(lost=8)
    assert found.run is not None
    assert (found.run.count, found.run.p99_s) == (2, 0.007)
    assert other.counts == Counts(lost=4)


async def test_a_minute_is_kept_for_eight_days_from_its_last_new_field(
    namespace: Namespace,
) -> None:
    minute = (await now_ms(namespace)) // MINUTE_MS

    await count(namespace, "count('q', 'lost')")

    ttls = [
        await namespace.redis.pttl(keys.statistics(namespace.prefix, "q", minute + n))
        for n in range(2)
    ]
    assert KEPT_MS - MINUTE_MS <= max(ttls) <= KEPT_MS


@pytest.mark.parametrize("hostile", ["string", "garbage"])
async def test_a_hostile_minute_stops_nothing(namespace: Namespace, hostile: str) -> None:
    minute = (await now_ms(namespace)) // MINUTE_MS
    for n in range(2):
        key = keys.statistics(namespace.prefix, "q", minute + n)
        if hostile == "string":
            await namespace.redis.set(key, "mine")
        else:
            await namespace.redis.hset(key, mapping={"lost": "many", "w7": "\xff"})

    await count(namespace, "count('q', 'lost') count_wait('q', 7) count('q', 'dead')")

    found = await latest(namespace)
    assert found.counts == Counts(dead=0 if hostile == "string" else 1)
    assert found.wait is None
    for n in range(2):  # what somebody else stored has no TTL
        await namespace.redis.delete(keys.statistics(namespace.prefix, "q", minute + n))


async def test_what_is_added_counts_once_a_draft_when_it_is_enqueued_a_refused_one_never(
    namespace: Namespace,
) -> None:
    task, other = new_task(), new_task(queue="other", delay_ms=60_000)
    draft, unknown = new_task(is_draft=True), new_task(parents=(Parent(TaskId(other.id[::-1])),))
    await enqueue(namespace, task, other, draft, unknown)
    await enqueue(namespace, task)
    await enqueue(namespace, new_task(parents=(Parent(task.id),)))

    assert (await latest(namespace)).counts == Counts(enqueued=2)
    assert (await latest(namespace, "other")).counts == Counts(enqueued=1)
    await Drafts(namespace).enqueue(draft.id)
    assert (await latest(namespace)).counts == Counts(enqueued=3)


async def test_a_claim_counts_once_with_what_its_task_waited(namespace: Namespace) -> None:
    ids = await add(namespace, 3)
    (elsewhere,) = await add(namespace, queue="other")
    now = await now_ms(namespace)
    await change(namespace, ids[0], created_ms=now - 5_000)
    await change(namespace, ids[1], created_ms=now - 5_000, queued_ms=now - 100_000)
    await change(namespace, ids[2], created_ms="long ago", queued_ms="nan")
    await change(namespace, elsewhere, created_ms=now + 5_000)

    await claim(namespace, "other", "q", limit=10, nonce="same")
    await claim(namespace, "other", "q", limit=10, nonce="same")

    found, other = await latest(namespace), await latest(namespace, "other")
    assert (found.counts.claimed, other.counts.claimed) == (3, 1)
    assert found.wait is not None
    assert (found.wait.count, found.wait.p50_s) == (3, about(5))
    assert found.wait.p99_s == about(100)
    assert other.wait is not None
    assert other.wait.p50_s == 0


@pytest.mark.parametrize(
    "outcome", ["succeeded", "failed", "errored", "timed_out", "cancelled", "retry", "release"]
)
async def test_an_end_counts_once_with_what_its_claim_lasted(
    namespace: Namespace, outcome: str
) -> None:
    claimed = await running(namespace)
    await change(namespace, claimed.task_id, started_ms=await now_ms(namespace) - 100_000)

    await finish(namespace, claimed, outcome)
    await finish(namespace, claimed, outcome)
    await finish(namespace, claimed, "succeeded")

    found = await latest(namespace)
    name = {"retry": "retried", "release": "released"}.get(outcome, outcome)
    assert found.counts == Counts(enqueued=1, claimed=1, **{name: 1})
    if outcome == "release":
        assert found.run is None
    else:
        assert found.run is not None
        assert (found.run.count, found.run.p50_s) == (1, about(100))


async def test_an_end_whose_claim_redis_forgot_is_counted_without_its_time(
    namespace: Namespace,
) -> None:
    claimed = await running(namespace)
    await forget_a_claim(namespace, claimed.task_id)

    await finish(namespace, claimed, "succeeded")

    found = await latest(namespace)
    assert (found.counts.succeeded, found.run) == (1, None)


async def test_losses_and_what_they_end_in_are_counted(namespace: Namespace) -> None:
    once = await running(namespace, queue="a")
    await lose(namespace, once.task_id)
    dead = await running(namespace, queue="b", max_lost=0)
    await lose(namespace, dead.task_id)
    stopped = await running(namespace, queue="c")
    await Tasks(namespace).cancel(stopped.task_id)
    await lose(namespace, stopped.task_id)

    found = await Statistics(namespace).latest(["a", "b", "c"], 5)
    assert found["a"].counts == Counts(enqueued=1, claimed=1, lost=1)
    assert found["b"].counts == Counts(enqueued=1, claimed=1, lost=1, dead=1)
    assert found["c"].counts == Counts(enqueued=1, claimed=1, lost=1, cancelled=1)


async def test_what_never_ran_is_counted_as_what_became_of_it(namespace: Namespace) -> None:
    cancelled, overdue = await add(namespace, 2, queue_timeout_ms=1_000)
    await enqueue(namespace, new_task(queue="child", parents=(Parent(cancelled),)))
    await Tasks(namespace).cancel(cancelled)
    await namespace.redis.zadd(keys.deadlines(namespace.prefix), {overdue: 1})
    await tick(namespace)

    assert (await latest(namespace)).counts == Counts(enqueued=2, cancelled=1, expired=1)
    assert (await latest(namespace, "child")).counts == Counts(enqueued=1, skipped=1)


async def test_a_claim_that_never_arrived_counts_as_given_back(namespace: Namespace) -> None:
    await running(namespace)
    await namespace.redis.hset(
        keys.worker(namespace.prefix, "w"), mapping={"beat_ended": 2, "beat_ended_before": 1}
    )
    (task_id,) = await members(namespace, keys.leases(namespace.prefix))
    await expire_lease(namespace, TaskId(task_id))

    assert (await beat(namespace)).given_back == (task_id,)

    assert (await latest(namespace)).counts == Counts(enqueued=1, claimed=1, released=1)


async def test_a_hostile_minute_stops_no_claim_and_no_end(namespace: Namespace) -> None:
    minute = (await now_ms(namespace)) // MINUTE_MS
    hostile = [keys.statistics(namespace.prefix, "q", minute + n) for n in range(2)]
    for key in hostile:
        await namespace.redis.set(key, "mine")

    claimed = await running(namespace)
    code = await finish(namespace, claimed, "succeeded")

    assert code == 1
    assert (await latest(namespace)).counts == Counts()
    await namespace.redis.delete(*hostile)


async def test_a_period_is_read_in_steps(namespace: Namespace) -> None:
    for minute, claimed in ((100, 1), (101, 2), (103, 4), (104, 8)):
        key = keys.statistics(namespace.prefix, "q", minute)
        await namespace.redis.hset(key, "claimed", claimed)
        await namespace.redis.pexpire(key, 60_000)

    by_two = await Statistics(namespace).read("q", 100 * MINUTE_MS + 5, 104 * MINUTE_MS + 1, 2)
    without_the_last = await Statistics(namespace).read("q", 103 * MINUTE_MS, 104 * MINUTE_MS)

    assert [entry.counts.claimed for entry in by_two] == [3, 4, 8]
    assert [entry.since_ms // MINUTE_MS for entry in by_two] == [100, 102, 104]
    assert [entry.until_ms // MINUTE_MS for entry in by_two] == [102, 104, 105]
    assert [entry.counts.claimed for entry in without_the_last] == [4]


async def test_all_that_is_kept_can_be_read_at_once(namespace: Namespace) -> None:
    until_ms = KEPT_MS + 5 * MINUTE_MS

    (found,) = await Statistics(namespace).read("q", until_ms - KEPT_MS, until_ms, KEPT_MINUTES)

    assert (found.counts, found.until_ms) == (Counts(), until_ms)


@pytest.mark.parametrize(
    ("since_ms", "until_ms", "step", "words"),
    [
        (MINUTE_MS, MINUTE_MS, 1, "0 minutes"),
        (0, KEPT_MS + 1, 1, f"{KEPT_MINUTES + 1} minutes"),
        (0, MINUTE_MS, 0, "a step of 0 minutes"),
        (0, MINUTE_MS, KEPT_MINUTES + 1, f"a step of {KEPT_MINUTES + 1} minutes"),
    ],
)
async def test_a_period_that_makes_no_sense_is_refused(
    namespace: Namespace, since_ms: int, until_ms: int, step: int, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        await Statistics(namespace).read("q", since_ms, until_ms, step)
