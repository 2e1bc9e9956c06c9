import json
from typing import Any

import anyio
import pytest

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Inbox, Workers, view

from . import steps
from .steps import claim

FACTS = {
    "host": "gpu-box",
    "pid": "4711",
    "version": "0.1",
    "queues": '["high","low"]',
    "mode": "priority",
    "state": "busy",
    "slots": "2",
    "gpus": '["0","1"]',
    "cpus": "8",
    "mem_mib": "",
    "started_ms": "1763720000000",
}


async def beat(namespace: Namespace, worker: str, **facts: str) -> None:
    await steps.beat(namespace, worker=worker, facts=FACTS | facts)


async def say(namespace: Namespace, worker: str, **told: str) -> None:
    fields: dict[Any, Any] = {**told}
    await namespace.redis.xadd(keys.inbox(namespace.prefix, worker), fields)


async def test_a_worker_is_shown_with_the_facts_of_its_last_beat(namespace: Namespace) -> None:
    await beat(namespace, "box-1")

    (worker,) = await Workers(namespace).live()

    assert (worker.name, worker.host, worker.pid, worker.state) == (
        "box-1",
        "gpu-box",
        4711,
        "idle",  # a beat ago it was busy: what it holds now counts
    )
    assert (worker.queues, worker.mode) == (("high", "low"), "priority")
    assert (worker.slots, worker.gpus, worker.cpus, worker.mem_mib) == (2, ("0", "1"), 8.0, None)
    assert worker.running == ()
    assert worker.started_at == 1763720000.0
    assert worker.beat_age_s is not None
    assert 0 <= worker.beat_age_s < 60
    assert worker.facts["host"] == "gpu-box"


async def test_a_worker_that_holds_a_task_is_busy_between_its_beats(namespace: Namespace) -> None:
    await beat(namespace, "box-1", state="idle")
    held = await steps.running(namespace, worker="box-1")

    (worker,) = await Workers(namespace).live()

    assert (worker.state, worker.running) == ("busy", (held.task_id,))


async def test_a_worker_whose_time_ran_out_is_not_listed(namespace: Namespace) -> None:
    await beat(namespace, "alive")
    await beat(namespace, "gone")
    await namespace.redis.zadd(keys.workers(namespace.prefix), {"gone": 1})

    assert [w.name for w in await Workers(namespace).live()] == ["alive"]


async def test_those_who_listen_to_a_queue_are_found(namespace: Namespace) -> None:
    await beat(namespace, "b", queues=json.dumps(["low"]))
    await beat(namespace, "c")
    await beat(namespace, "a", queues=json.dumps(["high"]))

    assert [w.name for w in await Workers(namespace).listening("high")] == ["a", "c"]
    assert await Workers(namespace).listening("none") == []


async def test_a_worker_that_left_is_neither_listed_nor_woken(namespace: Namespace) -> None:
    await beat(namespace, "box-1")
    assert (await claim(namespace, worker="box-1", park=True)).parked

    await Workers(namespace).leave("box-1")

    assert await Workers(namespace).live() == []
    left = [k async for k in namespace.redis.scan_iter(match=f"{namespace.prefix}*")]
    names = {key.decode().removeprefix(namespace.prefix).split(":")[0] for key in left}
    assert names.isdisjoint({"wk", "wks", "in", "idle"})


async def test_leaving_twice_or_without_a_beat_does_no_harm(namespace: Namespace) -> None:
    await beat(namespace, "other")

    await Workers(namespace).leave("box-1")
    await Workers(namespace).leave("box-1")

    assert [w.name for w in await Workers(namespace).live()] == ["other"]


def test_facts_that_make_no_sense_read_as_none() -> None:
    raw = {b"pid": b"x", b"queues": b"{}", b"gpus": b"[1]", b"cpus": b"inf", b"slots": b"nan"}

    worker = view("w", raw, [], expires_ms=2_000, now_ms=1_000)

    assert (worker.pid, worker.queues, worker.gpus, worker.cpus) == (None, (), (), None)
    assert (worker.slots, worker.beat_age_s, worker.running) == (None, None, ())
    assert worker.expires_at == 2.0


async def test_the_inbox_gives_each_message_once_in_order(namespace: Namespace) -> None:
    inbox = Inbox(namespace, "box-1")
    await inbox.start()
    await say(namespace, "box-1", c="wake", q="high")
    await say(namespace, "box-1", c="cancel", id="01", g="5000")

    assert await inbox.next(0) == [
        {"c": "wake", "q": "high"},
        {"c": "cancel", "id": "01", "g": "5000"},
    ]
    assert await inbox.next(0) == []


async def test_messages_of_an_earlier_session_are_skipped(namespace: Namespace) -> None:
    await say(namespace, "box-1", c="drain")
    inbox = Inbox(namespace, "box-1")
    await inbox.start()
    await say(namespace, "box-1", c="wake")

    assert await inbox.next(0) == [{"c": "wake"}]


async def test_a_message_wakes_a_waiting_reader(namespace: Namespace) -> None:
    inbox = Inbox(namespace, "box-1")
    await inbox.start()
    got: list[dict[str, str]] = []

    async def wait() -> None:
        got.extend(await inbox.next(5_000))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tg:
            tg.start_soon(wait)
            await say(namespace, "box-1", c="wake")

    assert got == [{"c": "wake"}]


async def test_a_read_that_is_cancelled_loses_no_message(namespace: Namespace) -> None:
    inbox = Inbox(namespace, "box-1")
    await inbox.start()
    with anyio.move_on_after(0.05) as scope:
        await inbox.next(60_000)
    assert scope.cancelled_caught

    await say(namespace, "box-1", c="wake")

    with anyio.fail_after(5):
        assert await inbox.next(1_000) == [{"c": "wake"}]


@pytest.mark.parametrize("count", [300, 1_000])
async def test_a_reader_that_was_away_gets_what_is_still_kept(
    namespace: Namespace, count: int
) -> None:
    inbox = Inbox(namespace, "box-1")
    await inbox.start()
    pipe = namespace.redis.pipeline(transaction=False)
    for n in range(count):
        pipe.xadd(keys.inbox(namespace.prefix, "box-1"), {"n": n}, maxlen=256, approximate=False)
    await pipe.execute()

    got = [*await inbox.next(0), *await inbox.next(0)]

    assert [m["n"] for m in got] == [str(n) for n in range(count - 256, count)]


async def test_the_inbox_of_a_redis_that_came_back_older_is_read_from_its_end(
    namespace: Namespace,
) -> None:
    inbox = Inbox(namespace, "box-1")
    await say(namespace, "box-1", c="wake")
    await inbox.next(0)
    key = keys.inbox(namespace.prefix, "box-1")
    await namespace.redis.delete(key)
    await namespace.redis.xadd(key, {"c": "wake"}, id="5-1")

    await inbox.realign()
    await namespace.redis.xadd(key, {"c": "look"}, id="5-2")

    assert await inbox.next(0) == [{"c": "look"}]
    await inbox.realign()
    assert await inbox.next(0) == []
