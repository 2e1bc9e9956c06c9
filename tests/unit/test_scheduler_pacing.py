"""How long the loops of a scheduler rest, and what they say of troubles."""

import logging

import anyio
import pytest

from rq_agent.broker.archive.writing import Written
from rq_agent.broker.errors import ArchiveUnavailable, BrokerUnavailable
from rq_agent.broker.pacing import next_limit
from rq_agent.scheduler.archiving import write_forever
from rq_agent.scheduler.pacing import rest_s
from rq_agent.scheduler.troubles import Troubles


@pytest.mark.parametrize(
    ("took_s", "more", "share", "rests_s"),
    [
        (0.01, False, 0.5, 30.0),
        (0.01, True, 0.5, 0.01),
        (0.01, True, 0.2, 0.04),
        (0.0, True, 0.5, 0.0),
        (9.0, False, 0.5, 30.0),
    ],
)
def test_a_loop_rests_as_its_share_says_while_there_is_more(
    took_s: float, more: bool, share: float, rests_s: float
) -> None:
    assert rest_s(took_s, more=more, idle_s=30.0, share=share) == pytest.approx(rests_s)


@pytest.mark.parametrize(
    ("limit", "took_s", "following"),
    [
        (50, 0.010, 25),
        (50, 0.003, 50),
        (50, 0.001, 50),
        (25, 0.001, 50),
        (20, 0.001, 40),
        (12, 0.010, 10),
        (10, 9.0, 10),
    ],
)
def test_a_slow_call_halves_the_next_and_fast_ones_grow_again(
    limit: int, took_s: float, following: int
) -> None:
    assert next_limit(limit, took_s, most=50) == following


def test_a_trouble_is_told_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    troubles = Troubles(logging.getLogger("test"), "archiver")

    troubles.over()
    for _ in range(3):
        troubles.met(OSError("disk full"))
    troubles.met(OSError("not mounted"))
    troubles.over()
    troubles.over()

    assert [record.getMessage() for record in caplog.records] == [
        "archiver: disk full; it goes on when that is over",
        "archiver: not mounted; it goes on when that is over",
        "archiver: goes on",
    ]


class FakeWriter:
    """Does in turn what it is told: archives so many tasks, or fails; then it is over."""

    def __init__(self, *rounds: int | Exception) -> None:
        self._rounds = list(rounds)
        self.over = anyio.Event()

    async def write(self) -> Written:
        if not self._rounds:
            self.over.set()
            await anyio.sleep_forever()
        this = self._rounds.pop(0)
        if isinstance(this, Exception):
            raise this
        return Written(tasks=this, noted=this, more=False)


async def test_an_archive_is_well_again_when_it_took_something(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    full, away = ArchiveUnavailable("disk full"), BrokerUnavailable("no redis")
    writer = FakeWriter(full, 0, full, away, 0, full, 1, 0)

    async with anyio.create_task_group() as tg:
        tg.start_soon(lambda: write_forever(writer, every_s=0))  # type: ignore[arg-type]
        with anyio.fail_after(5):
            await writer.over.wait()
        tg.cancel_scope.cancel()

    said = [
        record.getMessage().removesuffix("; it goes on when that is over")
        for record in caplog.records
    ]
    assert said == [
        "archiver: disk full",
        "archiver: no redis",
        "archiver: goes on",
        "archiver: goes on",
    ]
