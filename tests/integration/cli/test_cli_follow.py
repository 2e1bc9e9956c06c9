"""Following a task: nothing of its output is missed, each attempt is told apart."""

from collections.abc import Sequence

import anyio
import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.logs import Chunk, LogEntry, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.record import Record
from rq_agent.cli.follow import Follower

from ...scripts.steps import add, claim_one, finish, running


class Seen:
    """A view that remembers."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.told: list[str] = []
        self.news = anyio.Event()

    def state(self, record: Record) -> None:
        if self.states[-1:] != [record.state]:
            self.states.append(record.state)
            self._wake()

    def output(self, entry: LogEntry) -> None:
        self._tell(entry.data.decode())

    def attempt(self, record: Record) -> None:
        self._tell(f"claim {record.fence}")

    def away(self, words: str) -> None:
        self._tell("away")

    def back(self, words: str) -> None:
        self._tell("back")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        self._wake()

    def _wake(self) -> None:
        self.news.set()
        self.news = anyio.Event()

    async def until_state(self, state: str) -> None:
        """Wait until the task was shown in a state."""
        with anyio.fail_after(10):
            while state not in self.states:
                await self.news.wait()

    async def until(self, what: str) -> None:
        """Wait until something was told."""
        with anyio.fail_after(10):
            while what not in self.told:
                await self.news.wait()


async def write(namespace: Namespace, claim: Claim, lines: Sequence[str], start: int = 0) -> None:
    """Append lines to the log of an attempt."""
    chunks = []
    for line in lines:
        data = line.encode()
        chunks.append(Chunk(stream="out", offset=start, raw_bytes=len(data), data=data))
        start += len(data)
    await Logs(namespace).append(claim, chunks)


async def test_all_output_of_a_task_that_has_ended_is_shown(namespace: Namespace) -> None:
    claim = await running(namespace)
    lines = [f"{n:04d}" for n in range(1_200)]
    await write(namespace, claim, lines)
    await finish(namespace, claim, "succeeded", exit_code=0)
    seen = Seen()

    with anyio.fail_after(10):
        record = await Follower(namespace, namespace, seen).follow(claim.task_id)

    assert seen.told == lines
    assert seen.states == ["succeeded"] == [record.state]


async def test_following_can_begin_where_the_log_was_read_to(namespace: Namespace) -> None:
    claim = await running(namespace)
    await write(namespace, claim, ["a", "b"])
    _, after = await Logs(namespace).read(claim.task_id, claim.fence, count=1)
    await finish(namespace, claim, "failed", exit_code=1)
    seen = Seen()

    await Follower(namespace, namespace, seen).follow(claim.task_id, start=(claim.fence, after))

    assert seen.told == ["b"]


async def test_each_attempt_is_told_apart_and_shown_to_its_end(namespace: Namespace) -> None:
    [task_id] = await add(namespace)
    seen = Seen()
    async with anyio.create_task_group() as tg:
        tg.start_soon(Follower(namespace, namespace, seen).follow, task_id)
        first = await claim_one(namespace)
        await write(namespace, first, ["one"])
        await seen.until("one")

        await write(namespace, first, ["late"], start=3)
        await finish(namespace, first, "release")
        second = await claim_one(namespace)
        await write(namespace, second, ["two"])
        await finish(namespace, second, "succeeded", exit_code=0)

    assert seen.told == ["one", "late", "claim 2", "two"]
    assert seen.states[-1] == "succeeded"


async def test_a_redis_that_goes_away_is_waited_for(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.cli.patience.RETRY_S", 0)
    claim = await running(namespace)
    await finish(namespace, claim, "succeeded", exit_code=0)
    seen = Seen()
    revived: list[int] = []

    async def revive() -> None:
        revived.append(1)

    follower = Follower(namespace, namespace, seen, revive=revive)
    with monkeypatch.context() as broken:
        broken.setattr("rq_agent.broker.lookups.Lookups.record", _failing_twice())
        record = await follower.follow(claim.task_id)

    assert record.state == "succeeded"
    assert seen.told == ["away", "back"]
    assert len(revived) == 2


async def test_a_redis_that_came_back_older_is_waited_for_until_it_knows_the_claim_again(
    namespace: Namespace,
) -> None:
    claim = await running(namespace)
    await write(namespace, claim, ["one"])
    key = keys.task(namespace.prefix, claim.task_id)
    seen = Seen()

    async with anyio.create_task_group() as tg:
        tg.start_soon(Follower(namespace, namespace, seen).follow, claim.task_id)
        await seen.until("one")
        await namespace.redis.hset(key, mapping={"fence": 0, "state": "queued"})
        await seen.until_state("queued")
        await namespace.redis.hset(key, mapping={"fence": claim.fence, "state": "running"})
        await write(namespace, claim, ["two"], start=3)
        await finish(namespace, claim, "succeeded", exit_code=0)

    assert seen.told == ["one", "two"]


async def test_a_task_that_redis_came_back_without_is_waited_for(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.cli.patience.RETRY_S", 0)
    claim = await running(namespace)
    await finish(namespace, claim, "succeeded", exit_code=0)
    key, away = keys.task(namespace.prefix, claim.task_id), f"{namespace.prefix}away"
    await namespace.redis.rename(key, away)
    seen = Seen()

    async def bring_back() -> None:
        await seen.until("back")
        await namespace.redis.rename(away, key)

    with monkeypatch.context() as broken:
        broken.setattr("rq_agent.broker.lookups.Lookups.record", _failing_twice())
        async with anyio.create_task_group() as tg:
            tg.start_soon(bring_back)
            record = await Follower(namespace, namespace, seen).follow(claim.task_id)

    assert record.state == "succeeded"


def _failing_twice() -> object:
    from rq_agent.broker.lookups import Lookups

    real = Lookups.record
    failures = [BrokerUnavailable("gone"), BrokerUnavailable("gone")]

    async def record(self: Lookups, task_id: object) -> Record:
        if failures:
            raise failures.pop()
        return await real(self, task_id)  # type: ignore[arg-type]

    return record
