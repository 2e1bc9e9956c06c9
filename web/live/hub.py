"""One reader of Redis for all pages that are open, however many."""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import anyio
import msgspec

from ...broker.errors import BrokerUnavailable
from ...broker.feed import Attempt, Feed, News
from ...broker.keys import TaskId
from ...broker.namespace import Namespace
from ...broker.presence import Workers
from .changes import fingerprints, of_events, of_workers
from .sse import frame

log = logging.getLogger(__name__)

BLOCK_S: Final = 1.0
"""How long a read waits while nobody looks."""
_WATCHED_BLOCK_S: Final = 0.5
_EVERY_S: Final = 0.25
"""At most four batches a second."""
_WORKERS_EVERY_S: Final = 2.0
_RETRY_S: Final = 1.0
_KEPT: Final = 240
"""Batches that a slow client may be behind: a minute of a busy fleet."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What happened within a quarter of a second."""

    number: int
    """Counts from 1."""
    after: str
    """Id of the last event in it, or before it."""
    frames: dict[str, bytes]
    """Topic -> event for those who follow it; `broker` goes to all."""
    tasks: frozenset[TaskId]
    logs: frozenset[Attempt]


class Tick:
    """The next batch, once it is there."""

    def __init__(self) -> None:
        self._event = anyio.Event()
        self.batch: Batch | None = None

    def come(self, batch: Batch) -> None:
        """Wake those who wait."""
        self.batch = batch
        self._event.set()

    async def wait(self, at_most_s: float) -> Batch | None:
        """Return the batch, None if there was none in time."""
        with anyio.move_on_after(at_most_s):
            await self._event.wait()
        return self.batch


class Hub:
    """Reads what changes, and hands it out in batches; nobody's slowness holds up others."""

    def __init__(self, ns: Namespace, feed: Feed, *, max_clients: int) -> None:
        """`feed` has a blocking connection of its own."""
        self._workers = Workers(ns)
        self._feed = feed
        self._max_clients = max_clients
        self._clients = 0
        self._logs: Counter[Attempt] = Counter()
        self._batches: deque[Batch] = deque(maxlen=_KEPT)
        self._known: dict[str, object] | None = None
        self._looked_s = 0.0
        self.tick = Tick()
        self.number = 0
        self.away: str | None = None
        """Why Redis does not answer; None: it does."""
        self.closed = anyio.Event()

    @property
    def after(self) -> str:
        """Return the id of the last event that was handed out."""
        return self._feed.after

    @property
    def has_room(self) -> bool:
        """Return whether one more client may follow."""
        return self._clients < self._max_clients

    @contextmanager
    def client(self) -> Iterator[None]:
        """Count a client as long as it follows."""
        self._clients += 1
        try:
            yield
        finally:
            self._clients -= 1

    @contextmanager
    def following(self, attempt: Attempt) -> Iterator[None]:
        """Watch the log of an attempt too, as long as somebody follows it."""
        self._logs[attempt] += 1
        try:
            yield
        finally:
            self._logs[attempt] -= 1
            if not self._logs[attempt]:
                del self._logs[attempt]

    def since(self, number: int) -> Sequence[Batch] | None:
        """Return the batches after one; None if some of them are not kept any more."""
        if number < self.number - len(self._batches):
            return None
        return [batch for batch in self._batches if batch.number > number]

    def close(self) -> None:
        """Let all who follow go."""
        self.closed.set()

    async def run(self) -> None:
        """Read forever; wait for Redis while it is away."""
        is_started = False
        while True:
            try:
                if not is_started:
                    await self._feed.start()
                    is_started = True
                await self._round()
            except BrokerUnavailable as e:
                self._say_away(str(e))
                await anyio.sleep(_RETRY_S)

    async def _round(self) -> None:
        block_s = _WATCHED_BLOCK_S if self._clients else BLOCK_S
        news = await self._feed.next(list(self._logs), block_ms=int(block_s * 1000))
        frames = {} if self.away is None else {"broker": frame("broker", {"away": None})}
        self.away = None
        if self._clients:  # perhaps since a moment ago
            frames |= {topic: frame(topic, f) for topic, f in of_events(news.events).items()}
            frames |= await self._worker_frames()
        if frames or news.logs:
            self._publish(frames, news)
            await anyio.sleep(_EVERY_S)

    async def _worker_frames(self) -> dict[str, bytes]:
        now_s = time.monotonic()
        if now_s - self._looked_s < _WORKERS_EVERY_S:
            return {}
        self._looked_s = now_s
        known = fingerprints(await self._workers.live())
        before, self._known = self._known, known
        told = None if before is None else of_workers(before, known)
        return {} if told is None else {"workers": frame("workers", told)}

    def _say_away(self, problem: str) -> None:
        if self.away is None:
            log.warning("%s; waiting for it", problem)
            self.away = problem
            told = {"broker": frame("broker", {"away": problem})}
            self._publish(told, News(events=[], logs=frozenset()))

    def _publish(self, frames: dict[str, bytes], news: News) -> None:
        self.number += 1
        batch = Batch(
            number=self.number,
            after=self._feed.after,
            frames=frames,
            tasks=frozenset(event.task_id for event in news.events),
            logs=news.logs,
        )
        self._batches.append(batch)
        tick, self.tick = self.tick, Tick()
        tick.come(batch)
