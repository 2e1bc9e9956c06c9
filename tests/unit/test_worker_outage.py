"""What a worker says of a Redis that is away."""

import pytest

from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.worker.outage import Outage, Waiting

REFUSED = BrokerUnavailable("cannot reach redis at here: connection refused")


class Heard:
    """An outage on a clock that is set by hand, and what it said."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.lines: list[str] = []
        self.outage = Outage(say=self.lines.append, now_s=lambda: self.now_s)
        self.outage.waiting = lambda: Waiting(running=2, ends=1, output_bytes=3 * 2**20)

    def away_for(self, seconds: int, error: BrokerUnavailable = REFUSED) -> None:
        for _ in range(seconds * 4):
            self.outage.missed(error)
            self.now_s += 0.25


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_ten_minutes_are_a_few_lines_that_come_at_growing_distance(heard: Heard) -> None:
    heard.away_for(600)
    heard.outage.answered()

    first, *more, last = heard.lines
    assert "connection refused; running tasks go on" in first
    assert [line.split("away for ")[1].split(";")[0] for line in more[:4]] == [
        "5 s",
        "15 s",
        "35 s",
        "1 min 15 s",
    ]
    assert 10 < len(more) < 15
    assert last == (
        "redis is back after 10 min 0 s; 2 tasks run on, 1 end and 3.0 MiB of output wait"
    )


def test_another_reason_is_said_at_once_and_each_one_once(heard: Heard) -> None:
    denied = BrokerUnavailable("redis at here does not let user w in")
    heard.away_for(60)
    said = len(heard.lines)

    heard.away_for(1, denied)
    heard.away_for(1)
    heard.away_for(1, denied)

    assert len(heard.lines) == said + 1
    assert "does not let user w in; away for 1 min 0 s" in heard.lines[-1]


def test_errors_that_are_never_the_same_don_t_flood(heard: Heard) -> None:
    for number in range(1_000):
        heard.outage.missed(BrokerUnavailable(f"problem {number}"))

    assert len(heard.lines) == 5


def test_who_comes_and_goes_is_told_of_once_a_minute_at_most(heard: Heard) -> None:
    for _ in range(600):
        heard.away_for(1)
        heard.outage.answered()

    assert len(heard.lines) < 2 * (600 / 60 + 6)


def test_a_redis_that_answers_is_not_talked_about(heard: Heard) -> None:
    heard.outage.answered()

    assert heard.lines == []
    assert not heard.outage.is_away
