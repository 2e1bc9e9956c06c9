"""What why.lua reads of a task, through the reasons that it leads to."""

from typing import Any

import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.errors import TaskNotFound
from rq_agent.broker.ids import encode
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.broker.new_task import Condition, Parent
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.why import Why

from .steps import CPU, GPU, add, beat, claim, claim_one, enqueue, finish, lose, new_task, now_ms

FACTS = {"queues": '["q"]', "slots": "2", "gpus": "[]", "state": "idle"}


async def why(ns: Namespace, task_id: TaskId) -> Why:
    return await Lookups(ns).why(task_id)


async def codes(ns: Namespace, task_id: TaskId) -> list[str]:
    return [reason.code for reason in (await why(ns, task_id)).reasons]


async def first(ns: Namespace, task_id: TaskId) -> str:
    return (await why(ns, task_id)).reasons[0].text


async def set_queue(ns: Namespace, **settings: int) -> None:
    for field, value in settings.items():
        await ns.redis.hset(keys.queue(ns.prefix, "q"), field, str(value))


async def test_a_task_that_is_not_there_is_not_explained(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound, match=encode(7)):
        await why(namespace, encode(7))


async def test_what_ended_or_runs_does_not_wait(namespace: Namespace) -> None:
    cancelled, ran = await add(namespace, 2)
    await Tasks(namespace).cancel(cancelled, reason="wrong data")
    await claim_one(namespace, worker="box")

    assert await codes(namespace, cancelled) == ["final"]
    assert await first(namespace, cancelled) == "it ended: cancelled: wrong data"
    assert await codes(namespace, ran) == ["running"]
    assert "has run on box for 0 s" in await first(namespace, ran)

    await Tasks(namespace).cancel(ran)
    await namespace.redis.zadd(keys.leases(namespace.prefix), {ran: 1}, xx=True)

    assert await codes(namespace, ran) == ["running", "stopping", "silent"]


async def test_a_draft_says_so(namespace: Namespace) -> None:
    (draft,) = await add(namespace, is_draft=True)

    assert await codes(namespace, draft) == ["draft"]


async def test_a_waiting_task_names_its_parents_and_their_states(namespace: Namespace) -> None:
    ran, queued = await add(namespace, 2)
    await claim_one(namespace)
    parents = (Parent(ran), Parent(queued, Condition.FAIL))
    (child,) = await add(namespace, parents=parents, delay_ms=60_000)
    many = await add(namespace, 30)
    (of_many,) = await add(namespace, parents=tuple(Parent(i) for i in many))

    found = await why(namespace, child)

    assert [r.code for r in found.reasons][:2] == ["parents", "delayed"]
    assert f"{ran} (running)" in found.reasons[0].text
    assert f"{queued} (queued, to fail)" in found.reasons[0].text
    assert found.position is None
    assert (await first(namespace, of_many)).startswith("it waits for 30 tasks: ")
    assert (await first(namespace, of_many)).endswith(" and 27 more")


async def test_a_delayed_task_says_when_it_is_due_and_why(namespace: Namespace) -> None:
    (fresh, late) = await add(namespace, 2, delay_ms=60_000)
    (lost,) = await add(namespace, max_lost=9)
    while (await why(namespace, lost)).state == "queued":  # the first loss costs no time
        await claim_one(namespace)
        await lose(namespace, lost)
    await namespace.redis.zadd(keys.delayed(namespace.prefix), {late: 1})

    assert (await first(namespace, fresh)).startswith("it is delayed: due in 60 s (20")
    assert (await codes(namespace, late))[0] == "due"
    assert "after its worker was lost 2 times: due in" in await first(namespace, lost)


@pytest.mark.parametrize("is_blocked", [False, True])
async def test_a_full_concurrency_key_names_who_holds_it(
    namespace: Namespace, is_blocked: bool
) -> None:
    holder, task_id = await add(namespace, 2, concurrency_key="gpu lab")
    await claim_one(namespace)
    if is_blocked:  # the next claim parks it
        assert (await claim(namespace)).claims == ()

    found = await why(namespace, task_id)

    assert found.state == ("blocked" if is_blocked else "queued")
    assert found.reasons[0].code == "key-full"
    assert f"'gpu lab' lets 1 run at a time: now {holder}" in found.reasons[0].text


async def test_a_paused_queue_and_one_at_its_limit_are_told(namespace: Namespace) -> None:
    running, waits = await add(namespace, 2)
    await claim_one(namespace)
    await beat(namespace, facts=FACTS)

    await set_queue(namespace, max_running=1)
    assert "queue q runs 1 tasks and may run 1" in await first(namespace, waits)

    await set_queue(namespace, paused=1)
    assert await codes(namespace, waits) == ["paused", "busy", "position"]
    assert running


async def test_claims_that_are_held_after_a_restart_are_told(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    now = await now_ms(namespace)
    key = keys.globals_(namespace.prefix)

    await namespace.redis.hset(key, "hold_claims_until", now + 30_000)
    assert (await codes(namespace, task_id))[0] == "held"

    await namespace.redis.hset(key, "hold_claims_until", now - 1)
    assert "held" not in await codes(namespace, task_id)


async def test_workers_are_judged_by_what_they_take_and_have(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, need=Need(gpus=2))
    assert await codes(namespace, task_id) == ["no-worker", "position"]

    await beat(namespace, worker="other", facts=FACTS | {"queues": '["qq", "r"]'})
    assert await codes(namespace, task_id) == ["no-listener", "position"]
    assert "there are other (qq, r)" in await first(namespace, task_id)

    await beat(namespace, worker="small", facts=FACTS | {"gpus": '["0"]'})
    assert "it needs 2 GPUs, the largest has 1" in await first(namespace, task_id)

    await beat(namespace, worker="big", facts=FACTS | {"gpus": '["0", "1"]', "state": "draining"})
    assert await codes(namespace, task_id) == ["draining", "position"]

    await beat(namespace, worker="big", facts=FACTS | {"gpus": '["0", "1"]'})
    assert await codes(namespace, task_id) == ["position"]

    until = {"state": "off-hours", "until_ms": str(await now_ms(namespace) + 9_000_000)}
    await beat(namespace, worker="big", facts=FACTS | {"gpus": '["0", "1"]'} | until)
    assert await codes(namespace, task_id) == ["off-hours", "position"]
    assert "(in 2 hours)" in await first(namespace, task_id)

    await beat(namespace, worker="big", ttl_ms=-1, facts={})
    assert (await codes(namespace, task_id))[0] == "no-fit"


async def test_busy_workers_are_told_until_one_waits_for_the_task(namespace: Namespace) -> None:
    _, task_id = await add(namespace, 2)
    await claim_one(namespace, worker="box")
    await beat(namespace, worker="box", facts=FACTS)
    assert await codes(namespace, task_id) == ["busy", "position"]
    assert "box (1 task, 2 slots)" in await first(namespace, task_id)

    await set_queue(namespace, paused=1)  # so that the claim parks
    await claim(namespace, worker="box", park=True, needs=(CPU, GPU))
    await set_queue(namespace, paused=0)

    assert await codes(namespace, task_id) == ["next"]


async def test_the_place_counts_all_shapes_and_names_who_comes_first(namespace: Namespace) -> None:
    late, *_ = await add(namespace, 2)
    (urgent,) = await add(namespace, need=GPU, priority=5)
    (second,) = await add(namespace, need=GPU)
    last, after = await add(namespace, 2)

    found = await why(namespace, last)

    assert found.position == 5
    assert found.reasons[-1].code == "position"
    assert f"number 5 of queue q, behind {urgent}, {late}," in found.reasons[-1].text
    assert found.reasons[-1].text.endswith(" and 1 more")
    assert (await why(namespace, urgent)).position == 1
    assert (await why(namespace, second)).position == 4
    assert (await why(namespace, after)).position == 6


async def test_a_task_that_expires_says_when(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, queue_timeout_ms=90_000)

    assert (await codes(namespace, task_id))[-1] == "expires"


async def test_a_task_in_no_line_is_told_as_broken(namespace: Namespace) -> None:
    queued, delayed = *await add(namespace), *await add(namespace, delay_ms=60_000)
    await namespace.redis.zrem(
        keys.ready(namespace.prefix, "q", (await Lookups(namespace).record(queued)).shape), queued
    )
    await namespace.redis.zrem(keys.delayed(namespace.prefix), delayed)

    assert await codes(namespace, queued) == ["not-placed"]
    assert (await codes(namespace, delayed))[0] == "not-placed"


async def test_a_need_that_was_altered_fits_nobody(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    await beat(namespace, facts=FACTS)
    shape = (await Lookups(namespace).record(task_id)).shape

    for altered in ("garbage", '{"gpus":3}', b"\xff"):
        await namespace.redis.hset(keys.shapes(namespace.prefix), shape, altered)
        assert (await codes(namespace, task_id))[0] == "need-unreadable"


async def test_garbage_under_any_key_stops_no_explanation(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (parent,) = await add(namespace)
    (waiting,) = await add(namespace, parents=(Parent(parent),))
    (task_id,) = await add(namespace, concurrency_key="k")
    await beat(
        namespace,
        facts=FACTS | {"slots": "nan", "gpus": "{", "cpus": "\udcff".encode("utf-8", "replace")},
    )
    await beat(namespace, worker="v", facts={"queues": b'\xff"q"'})
    broken = {keys.holders(p, "k"), keys.queue(p, "q"), keys.running(p, "q"), keys.held(p, "w")}
    broken |= {keys.parked_tasks(p, "k"), keys.extra(p, task_id), keys.deadlines(p)}
    broken |= {keys.worker(p, "x"), keys.leases(p), keys.delayed(p)}
    await redis.zadd(keys.workers(p), {"x": await now_ms(namespace) + 60_000})
    await redis.sadd(keys.dependencies(p, waiting), "garbage", "ok:", b"\xff:\xfe")
    for key in broken:
        await redis.delete(key)
        await redis.set(key, "garbage")
    await redis.hset(keys.task(p, task_id), mapping={"attempt": "x", "lost": b"\xff", "alien": "1"})

    assert (await why(namespace, task_id)).state == "queued"
    assert (await codes(namespace, waiting))[0] == "parents"
    for state in ("running", "delayed", "blocked", "succeeded", "nonsense", ""):
        await redis.hset(keys.task(p, task_id), "state", state)
        assert (await why(namespace, task_id)).reasons

    await redis.delete(keys.task(p, task_id))
    await redis.set(keys.task(p, task_id), "garbage")
    with pytest.raises(TaskNotFound):
        await why(namespace, task_id)
    await redis.delete(*broken, keys.task(p, task_id))


async def test_an_explanation_writes_nothing(namespace: Namespace) -> None:
    await enqueue(namespace, new_task(concurrency_key="k"))
    (task_id,) = await add(namespace, concurrency_key="k")
    await beat(namespace, facts=FACTS)
    claimed = await claim_one(namespace)
    redis: Any = namespace.redis
    text = namespace.scripts.why.text

    try:
        answer = await redis.execute_command("EVAL_RO", text, 1, namespace.prefix, task_id)
        assert answer
    except ResponseError as e:
        if "unknown command" not in str(e).lower():  # Redis 6.2, fakeredis
            raise
    await finish(namespace, claimed, "succeeded")
