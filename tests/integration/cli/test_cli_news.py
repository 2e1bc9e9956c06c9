"""Hearing what happens: from now on, over a flood, over a Redis that went away."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.events import Event, Events
from rq_agent.broker.namespace import Namespace
from rq_agent.cli.news import News
from rq_agent.cli.patience import Patience

from ...scripts.steps import add


class Told:
    """A teller that remembers."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def away(self, words: str) -> None:
        self.words.append(words)

    def back(self, words: str) -> None:
        self.words.append(words)


async def test_only_what_happens_from_now_on_is_news(lab: Namespace) -> None:
    await add(lab)
    news = News(lab, Patience(Told()))
    await news.start()
    [task_id] = await add(lab)

    assert [event.task_id for event in await news.next()] == [task_id]
    assert await news.next(0.01) == []
    assert not news.has_skipped


async def test_a_flood_is_passed_over_and_said(lab: Namespace) -> None:
    news = News(lab, Patience(Told()))
    await news.start()
    await add(lab, 600)

    assert len(await news.next()) == 500
    assert news.has_skipped
    assert await news.next(0.01) == []
    assert not news.has_skipped


async def test_after_redis_went_away_everything_must_be_looked_at_again(
    lab: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.cli.patience.RETRY_S", 0)
    revived: list[int] = []

    async def revive() -> None:
        revived.append(1)

    told = Told()
    news = News(lab, Patience(told, revive=revive))
    await news.start()
    [task_id] = await add(lab)
    real, failures = Events.read, [BrokerUnavailable("gone"), BrokerUnavailable("gone")]

    async def read(
        self: Events, after: str, *, count: int = 500, block_ms: int | None = None
    ) -> list[Event]:
        if failures:
            raise failures.pop()
        return await real(self, after, count=count, block_ms=block_ms)

    monkeypatch.setattr(Events, "read", read)

    assert [event.task_id for event in await news.next()] == [task_id]
    assert news.has_skipped
    away, back = told.words
    assert away == "gone; waiting for Redis"
    assert back.startswith("Redis is back after 0.")
    assert len(revived) == 2


async def test_events_of_a_redis_that_came_back_with_an_older_clock_are_heard(
    lab: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.cli.patience.RETRY_S", 0)
    await add(lab)
    patiently = Patience(Told())
    news = News(lab, patiently)
    await news.start()
    key = keys.events(lab.prefix)
    await lab.redis.delete(key)
    await lab.redis.xadd(key, {"id": "old", "event": "added"}, id="5-1")
    failures = [BrokerUnavailable("gone")]

    async def fail_once() -> None:
        if failures:
            raise failures.pop()

    await patiently(fail_once)
    await news.next(0.01)
    await lab.redis.xadd(key, {"id": "new", "event": "added"}, id="5-2")

    assert [event.task_id for event in await news.next()] == ["new"]
