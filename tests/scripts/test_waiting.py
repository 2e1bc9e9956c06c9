"""Whoever waits for a task hears of its end: from events, and from records where those were missed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from rq_agent.broker import keys, waiting
from rq_agent.broker.errors import AccessDenied, BrokerUnavailable, TaskNotFound
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.results import End, Results
from rq_agent.broker.waiting import Ends

from .steps import add, claim, claim_one, finish, running


@asynccontextmanager
async def ends_of(namespace: Namespace) -> AsyncIterator[Ends]:
    ends = Ends(namespace, namespace)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(ends.run)
            yield ends
            group.cancel_scope.cancel()


class Told:
    """What several callers were told."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self.ends: dict[str, End] = {}
        self.count = 0

    async def wait(self, task_id: TaskId) -> None:
        self.ends[task_id] = await self._ends.wait(task_id)
        self.count += 1


async def test_an_end_of_before_is_told_at_once(namespace: Namespace) -> None:
    token = await running(namespace)
    await finish(namespace, token, "succeeded", exit_code=0, result=b"[1]")

    async with ends_of(namespace) as ends:
        end = await ends.wait(token.task_id)

    assert end == End(
        task_id=token.task_id,
        state="succeeded",
        exit_code=0,
        reason="",
        result=b"[1]",
        problem="",
    )


async def test_all_who_wait_are_told_when_their_tasks_end(namespace: Namespace) -> None:
    ids = await add(namespace, 30)
    async with ends_of(namespace) as ends:
        told = Told(ends)
        async with anyio.create_task_group() as waits:
            for task_id in [*ids, *ids]:
                waits.start_soon(told.wait, task_id)
            await reading(ends)
            claims = (await claim(namespace, limit=30)).claims
            await finish(namespace, claims[0], "retry", delay_ms=1)
            for token in claims[1:]:
                await finish(namespace, token, "failed", exit_code=3, reason="exit 3", result=b"x")
            await finish(namespace, claims[0], "failed")  # fenced: it counts for nobody
            with anyio.fail_after(5):
                while told.count < 58:
                    await anyio.lowlevel.checkpoint()
            waits.cancel_scope.cancel()

    assert ids[0] not in told.ends
    assert {(e.state, e.exit_code, e.reason, e.result) for e in told.ends.values()} == {
        ("failed", 3, "exit 3", b"x")
    }


async def reading(ends: Ends) -> None:
    """Wait until events are read: then a record that has no end yet was looked at before."""
    while ends._after is None or ends._unseen:
        await anyio.lowlevel.checkpoint()


async def test_who_waits_for_no_task_is_told_so(namespace: Namespace) -> None:
    async with ends_of(namespace) as ends:
        with pytest.raises(TaskNotFound):
            await ends.wait(TaskId("none"))


async def test_events_that_were_trimmed_before_they_were_read_are_not_missed(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_COUNT", 2)
    token = await running(namespace)
    stream = keys.events(namespace.prefix)
    async with ends_of(namespace) as ends:
        told = Told(ends)
        async with anyio.create_task_group() as waits:
            waits.start_soon(told.wait, token.task_id)
            await reading(ends)
            # In one step, so that the reader sees nothing of what is trimmed.
            pipe = namespace.redis.pipeline(transaction=True)
            pipe.hset(keys.task(namespace.prefix, token.task_id), "state", "succeeded")
            for n in range(5):
                pipe.xadd(stream, {"id": f"other{n}", "event": "x"})
            pipe.xtrim(stream, maxlen=2, approximate=False)
            await pipe.execute()

    assert told.ends[token.task_id].state == "succeeded"


async def test_a_record_that_was_removed_is_noticed_some_day(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_AGAIN_S", 0.0)
    (task_id,) = await add(namespace)
    async with ends_of(namespace) as ends, anyio.create_task_group() as others:
        others.start_soon(vanish, namespace, ends, task_id)
        with pytest.raises(TaskNotFound):
            await ends.wait(task_id)


async def vanish(namespace: Namespace, ends: Ends, task_id: TaskId) -> None:
    """Let somebody delete the record of a task that is waited for, and something else happen."""
    await reading(ends)
    await namespace.redis.delete(keys.task(namespace.prefix, task_id))
    await namespace.redis.xadd(keys.events(namespace.prefix), {"id": "", "event": "queue_created"})


async def test_a_draft_that_is_removed_is_waited_for_no_longer(namespace: Namespace) -> None:
    (task_id,) = await add(namespace, is_draft=True)
    async with ends_of(namespace) as ends, anyio.create_task_group() as others:
        others.start_soon(remove, namespace, ends, task_id)
        with pytest.raises(TaskNotFound):
            await ends.wait(task_id)


async def remove(namespace: Namespace, ends: Ends, task_id: TaskId) -> None:
    await reading(ends)
    await namespace.scripts.remove([task_id, 1000])


async def test_one_who_gives_up_leaves_nothing_behind(namespace: Namespace) -> None:
    token = await running(namespace)
    async with ends_of(namespace) as ends:
        with anyio.move_on_after(0.02):
            await ends.wait(token.task_id)
        assert not ends._waiters

        await finish(namespace, token, "succeeded")
        assert (await ends.wait(token.task_id)).state == "succeeded"


class Refusing:
    """A client that may not read events."""

    async def xrevrange(self, key: str, count: int) -> None:
        raise AccessDenied(f"{key}: no permission")


async def test_where_nobody_may_read_events_all_are_told(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    refusing: Any = Refusing()
    ends = Ends(namespace, Namespace(refusing, namespace.name))

    async with anyio.create_task_group() as group:
        group.start_soon(ends.run)
        with anyio.fail_after(5), pytest.raises(AccessDenied):
            await ends.wait(task_id)
        group.cancel_scope.cancel()


async def test_ends_of_many_tasks_are_read_at_once(namespace: Namespace) -> None:
    ids = await add(namespace, 2)
    token = await claim_one(namespace)
    await finish(namespace, token, "succeeded", result=b"1")

    found = await Results(namespace).read_many([*ids, TaskId("none")] * 100)

    assert [end and (end.state, end.result) for end in found] == [
        ("succeeded", b"1"),
        ("queued", None),
        None,
    ] * 100


class Away:
    """A client whose server is away for the first calls."""

    def __init__(self, redis: Any, times: int) -> None:
        self._redis = redis
        self.left = times

    def __getattr__(self, name: str) -> Any:
        if self.left:
            self.left -= 1
            raise BrokerUnavailable("away")
        return getattr(self._redis, name)


async def test_a_server_that_is_away_for_a_while_is_waited_for(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_RETRY_S", 0.0)
    token = await running(namespace)
    away: Any = Away(namespace.redis, 3)
    also_away: Any = Away(namespace.redis, 2)
    ends = Ends(Namespace(also_away, namespace.name), Namespace(away, namespace.name))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(ends.run)
            told = Told(ends)
            async with anyio.create_task_group() as waits:
                waits.start_soon(told.wait, token.task_id)
                await reading(ends)
                await finish(namespace, token, "succeeded")
            group.cancel_scope.cancel()

    assert told.ends[token.task_id].state == "succeeded"
    assert (away.left, also_away.left) == (0, 0)
