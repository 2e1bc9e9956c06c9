"""Firing schedules: once for each time, by whoever comes first."""

from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.cron_times import Missed
from rq_agent.broker.envelope import Verifier
from rq_agent.broker.errors import SelectorError, TrustError
from rq_agent.broker.firing import FireOutcome
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.signed_task import SignedTask
from rq_agent.broker.trust import TrustFile

from . import steps
from .timetable import (
    add,
    come_due,
    fire,
    firing,
    look,
    next_ms,
    references,
    someone,
    stored,
    template,
    told,
)


async def test_a_due_schedule_adds_a_task_and_gets_its_next_time(
    namespace: Namespace, tmp_path: Path
) -> None:
    added = await add(namespace, someone(tmp_path), task={"priority": 5, "labels": {"a": "b"}})
    await come_due(namespace)

    fired = await fire(firing(namespace, tmp_path))

    [task] = fired.tasks
    assert (fired.outcome, task.outcome) == (FireOutcome.FIRED, "queued")
    assert await steps.line(namespace) == [task.id]
    record = await steps.fields(namespace, task.id)
    assert (record["queue"], record["priority"], record["name"]) == ("q", "5", "train.py")
    assert (await steps.extra(namespace, task.id))["labels"] == '{"schedule":"nightly","a":"b"}'
    fields = await stored(namespace)
    assert (fields["fired"], fields["last_task"]) == ("1", task.id)
    assert 0 <= await steps.now_ms(namespace) - int(fields["fired_ms"]) < 5_000
    assert added.next_at is not None
    assert await next_ms(namespace) == added.next_at * 1000
    assert await references(namespace) == {f"d:{steps.DIGEST}": "2"}
    assert (await steps.events(namespace, "schedule_fired"))[0] == {
        "id": "",
        "event": "schedule_fired",
        "schedule": "nightly",
        "added": "1",
        "task": task.id,
    }


async def test_the_task_is_what_was_signed_and_the_scheduler_signs_for_it(
    namespace: Namespace, tmp_path: Path
) -> None:
    need = Need(gpus=1)
    signed: dict[str, Any] = {
        "argv": ("--x", "1"),
        "need": need,
        "params": {"lr": "0.1"},
        "timeout_s": 60.0,
    }
    await add(
        namespace,
        someone(tmp_path),
        template=template(namespace, someone(tmp_path), **signed),
        task={"need": Need(), "params": {"lr": "9"}, "user": "eve", "timeout_ms": 1},
    )
    await come_due(namespace)

    [task] = (await fire(firing(namespace, tmp_path, name="scheduler"))).tasks

    record = await steps.fields(namespace, task.id)
    assert (record["shape"], record["user"]) == (shape_id(need), "ada")
    assert record["timeout_ms"] == "60000"
    assert (await steps.extra(namespace, task.id))["params"] == '{"lr":"0.1"}'
    opened = await open_as_worker(namespace, task.id, tmp_path, "scheduler")
    assert (opened.argv, opened.params, opened.user) == (("--x", "1"), {"lr": "0.1"}, "ada")
    with pytest.raises(TrustError, match="not in this worker's trust file"):
        await open_as_worker(namespace, task.id, tmp_path, "ada")


async def open_as_worker(ns: Namespace, task_id: TaskId, folder: Path, trusted: str) -> SignedTask:
    """Return a task as a worker sees it that trusts one key."""
    file = TrustFile(folder / f"of a worker that trusts {trusted}")
    file.add(someone(folder, trusted).public, trusted, ["*"])
    record = await steps.fields(ns, task_id)
    envelope: Any = await ns.redis.get(keys.arguments(ns.prefix, task_id))
    return Verifier(file).open(
        envelope,
        namespace=ns.name,
        task_id=task_id,
        definition=record["definition"],
        queue=record["queue"],
        shape=record["shape"],
        now_s=0,
    )


async def test_of_two_schedulers_that_see_the_same_time_one_fires(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await come_due(namespace)
    one, other = firing(namespace, tmp_path), firing(namespace, tmp_path)
    seen_by_one, seen_by_other = await look(one), await look(other)

    outcomes = [
        (await one.fire(*seen_by_one)).outcome,
        (await other.fire(*seen_by_other)).outcome,
    ]

    assert outcomes == [FireOutcome.FIRED, FireOutcome.LOST]
    assert len(await steps.line(namespace)) == 1
    assert (await stored(namespace))["fired"] == "1"
    assert await told(namespace) == ["schedule_added", "schedule_fired"]


async def test_a_lost_reply_adds_nothing_twice(namespace: Namespace, tmp_path: Path) -> None:
    await add(namespace, someone(tmp_path), missed=Missed.ALL, expression="* * * * *")
    await come_due(namespace, late_ms=150_000)
    scheduler = firing(namespace, tmp_path)
    due = await look(scheduler)
    first = await scheduler.fire(*due)

    again = await scheduler.fire(*due)

    assert (len(first.tasks), again.outcome, again.tasks) in (
        (3, FireOutcome.LOST, []),
        (4, FireOutcome.LOST, []),
    )
    assert len(await steps.line(namespace)) == len(first.tasks)


@pytest.mark.parametrize(("missed", "count"), [(Missed.SKIP, 0), (Missed.ONCE, 1), (Missed.ALL, 5)])
async def test_missed_times_are_skipped_or_made_up_for(
    namespace: Namespace, tmp_path: Path, missed: Missed, count: int
) -> None:
    await add(namespace, someone(tmp_path), missed=missed, expression="30 4 1 1 *")
    years_ms = 4 * 365 * 86_400_000 + 86_400_000
    await come_due(namespace, late_ms=years_ms)

    fired = await fire(firing(namespace, tmp_path))

    assert fired.outcome is FireOutcome.FIRED
    assert len(await steps.line(namespace)) == count
    assert (await next_ms(namespace) or 0) > await steps.now_ms(namespace)
    [event] = await steps.events(namespace, "schedule_fired")
    assert event["added"] == str(count)


async def test_a_schedule_that_was_replaced_meanwhile_does_not_fire_as_it_was(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    due_ms = await come_due(namespace)
    scheduler = firing(namespace, tmp_path)
    seen = await look(scheduler)
    await add(namespace, someone(tmp_path), replaces=True)
    await namespace.redis.zadd(keys.schedules(namespace.prefix), {"nightly": due_ms})

    assert (await scheduler.fire(*seen)).outcome is FireOutcome.LOST
    assert await steps.line(namespace) == []


async def test_a_schedule_that_was_paused_or_removed_meanwhile_does_not_fire(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await come_due(namespace)
    scheduler = firing(namespace, tmp_path)
    seen = await look(scheduler)

    await Schedules(namespace).pause("nightly")
    paused = await scheduler.fire(*seen)
    await Schedules(namespace).remove("nightly")
    removed = await scheduler.fire(*seen)

    assert (paused.outcome, removed.outcome) == (FireOutcome.LOST, FireOutcome.GONE)
    assert await steps.line(namespace) == []


async def test_a_uniqueness_key_keeps_the_next_run_back_while_one_is_live(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path), task={"unique": "nightly"})
    await come_due(namespace)
    scheduler = firing(namespace, tmp_path)
    [first] = (await fire(scheduler)).tasks
    await come_due(namespace)

    [second] = (await fire(scheduler)).tasks

    assert (second.outcome, second.other) == ("unique", first.id)
    fields = await stored(namespace)
    assert (fields["fired"], fields["last_task"]) == ("1", first.id)
    assert await steps.line(namespace) == [first.id]


async def test_the_last_task_of_a_schedule_is_one_that_was_added(
    namespace: Namespace, tmp_path: Path
) -> None:
    unique: dict[str, Any] = {"unique": "nightly"}
    await add(namespace, someone(tmp_path), missed=Missed.ALL, expression="* * * * *", task=unique)
    await come_due(namespace, late_ms=150_000)

    first, *others = (await fire(firing(namespace, tmp_path))).tasks

    assert [first.outcome, *{task.outcome for task in others}] == ["queued", "unique"]
    fields = await stored(namespace)
    assert (fields["fired"], fields["last_task"]) == ("1", first.id)


async def test_a_schedule_that_never_fires_again_is_paused(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    due_ms = await come_due(namespace)

    reply = await namespace.scripts.cron_fire(["nightly", 1, due_ms, "", 0])

    assert reply == [b"fired"]
    found = await Schedules(namespace).show("nightly")
    assert (found.paused, found.reason) == (True, "it never fires again")
    assert await next_ms(namespace) == float("inf")


async def test_no_more_than_a_round_is_looked_at_at_once(
    namespace: Namespace, tmp_path: Path
) -> None:
    now_ms = await steps.now_ms(namespace)
    times = {f"s{n:03}": now_ms - 1_000 + n for n in range(101)}
    await namespace.redis.zadd(keys.schedules(namespace.prefix), times)
    scheduler = firing(namespace, tmp_path)

    found = await scheduler.due()

    assert [due.schedule.name for due in found.due] == list(times)[:100]
    assert found.next_ms == found.now_ms
    await namespace.redis.zremrangebyrank(keys.schedules(namespace.prefix), 0, -1)
    assert (await scheduler.due()).next_ms == float("inf")


async def test_the_next_time_is_told_while_nothing_is_due(
    namespace: Namespace, tmp_path: Path
) -> None:
    added = await add(namespace, someone(tmp_path))

    found = await firing(namespace, tmp_path).due()

    assert found.due == []
    assert found.next_ms == (added.next_at or 0) * 1000


async def test_a_schedule_runs_now_and_keeps_its_times(
    namespace: Namespace, tmp_path: Path
) -> None:
    added = await add(namespace, someone(tmp_path))

    task = await firing(namespace, tmp_path).run_now("nightly")

    assert await steps.line(namespace) == [task.id]
    assert await next_ms(namespace) == (added.next_at or 0) * 1000
    with pytest.raises(SelectorError, match="did you mean nightly"):
        await firing(namespace, tmp_path).run_now("nightl")


async def test_a_schedule_that_redis_let_fire_again_for_the_same_time_adds_the_same_task(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    due_ms = await come_due(namespace)
    [first] = (await fire(firing(namespace, tmp_path))).tasks
    held = await steps.claim_one(namespace)
    schedules = keys.schedules(namespace.prefix)

    await namespace.redis.zadd(schedules, {"nightly": due_ms})  # Redis came back older
    [known] = (await fire(firing(namespace, tmp_path))).tasks

    assert (known.id, known.outcome) == (first.id, "duplicate")
    await steps.finish(namespace, held, "succeeded")
    assert (await steps.claim(namespace)).claims == ()


async def test_who_runs_a_task_that_was_fired_again_takes_it_up(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    due_ms = await come_due(namespace)
    before: dict[Any, Any] = {}
    async for key in namespace.redis.scan_iter(match=f"{namespace.prefix}*"):
        before[key] = await namespace.redis.dump(key)
    await fire(firing(namespace, tmp_path))
    held = await steps.claim_one(namespace)
    found = [key async for key in namespace.redis.scan_iter(match=f"{namespace.prefix}*")]
    await namespace.redis.delete(*found)
    for key, value in before.items():
        await namespace.redis.restore(key, 0, value)  # Redis came back without task and claim
    assert await next_ms(namespace) == due_ms

    await fire(firing(namespace, tmp_path))
    told = await steps.beat(namespace, held)

    assert (told.lost, told.missing) == ((), ())
    assert (await steps.claim(namespace, worker="w2")).claims == ()
    assert await steps.finish(namespace, held, "succeeded") == 1


async def test_times_and_schedules_have_tasks_of_their_own(
    namespace: Namespace, tmp_path: Path
) -> None:
    ids = set()
    for name in ("nightly", "weekly"):
        await add(namespace, someone(tmp_path), name)
        for late_ms in (2_000, 1_000):
            await come_due(namespace, name, late_ms=late_ms)
            ids |= {task.id for task in (await fire(firing(namespace, tmp_path))).tasks}

    assert len(ids) == 4
