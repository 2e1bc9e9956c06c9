"""What `queue show` tells of a queue."""

from typing import Any

import pytest

from rq_agent.broker.counts import Counts, QueueStatistics, Spread
from rq_agent.broker.needs import Need
from rq_agent.broker.presence import view as view_worker
from rq_agent.broker.queue_details import QueueDetails, Ready
from rq_agent.broker.queues import QueueView
from rq_agent.cli.main import main
from rq_agent.cli.render.queue_text import lines_of, rate

WORKER = view_worker(
    "w1", {b"host": b"node\x1b[2J", b"state": b"busy"}, [b"1", b"2"], expires_ms=1, now_ms=0
)
NOTHING = Counts()
WAIT = Spread(count=10, p50_s=0.5, p95_s=2.0, p99_s=125.0)


def queue(**fields: Any) -> QueueView:
    given: dict[str, Any] = {
        "name": "high",
        "waiting": 0,
        "running": 0,
        "delayed": 0,
        "waiting_for_parents": 0,
        "blocked": 0,
        "is_exact": True,
        "paused": False,
        "max_running": None,
        "weight": 1.0,
        "description": "",
        "workers": (),
        "oldest_wait_s": None,
    }
    return QueueView(**(given | fields))


def happened(minutes: int, counts: Counts = NOTHING, **spreads: Spread) -> QueueStatistics:
    given: dict[str, Any] = {"wait": None, "run": None}
    end_ms = minutes * 60_000
    return QueueStatistics(
        queue="high", since_ms=0, until_ms=end_ms, counts=counts, **(given | spreads)
    )


def shown(view: QueueView, **fields: Any) -> list[str]:
    given: dict[str, Any] = {"ready": [], "workers": [], "now": happened(5), "period": happened(60)}
    return list(lines_of(QueueDetails(queue=view, **(given | fields))))


@pytest.mark.parametrize(
    ("need", "command"),
    [
        (Need(), "rq-agent work --queues high"),
        (Need(light=True), "rq-agent work --services 100 --queues high"),
        (None, "rq-agent work --queues high"),
    ],
)
def test_where_nobody_serves_a_queue_it_is_said_how(need: Need | None, command: str) -> None:
    lines = shown(queue(), ready=[Ready(shape="s", need=need, count=1)])

    assert lines[-1] == f"no live worker takes from it; start one:  {command}"


def test_a_busy_queue_is_shown_in_groups() -> None:
    lines = shown(
        queue(
            description="nights",
            paused=True,
            max_running=3,
            weight=2.5,
            waiting=8,
            oldest_wait_s=125.0,
            running=2,
            delayed=7,
            blocked=1,
        ),
        ready=[
            Ready(shape="s1", need=Need(gpus=1), count=4),
            Ready(shape="s2", need=Need(), count=4),
            Ready(shape="s3", need=None, count=1),
        ],
        workers=[WORKER],
        now=happened(5, Counts(enqueued=600, claimed=10)),
        period=happened(60, Counts(succeeded=9, timed_out=1), wait=WAIT),
    )

    assert lines == [
        "queue high  nights",
        "  state         paused: its tasks wait until it is resumed",
        "  max running   3",
        "  weight        2.5",
        "in it now",
        "  waiting       8, the first for 2m 05s",
        "  running       2",
        "  delayed       7",
        "  blocked       1",
        "in line, by what they need",
        "  1 GPU         4",
        "  nothing       4",
        "  unknown to this version (s3) 1",
        "the last 5m 00s",
        "  enqueued      2/s",
        "  claimed       2/min",
        "the last 1h 00m",
        "  succeeded     9",
        "  timed out     1",
        "  wait          p50 0.50s, p95 2.0s, p99 2m 05s",
        "workers",
        "  w1            busy, runs 2 on node\ufffd[2J",
    ]


def test_a_queue_in_which_nothing_happens_says_how_to_begin() -> None:
    lines = shown(queue())

    assert lines == [
        "queue high",
        "  state         open",
        "in it now",
        "  waiting       0",
        "  running       0",
        "no live worker takes from it; start one:  rq-agent work --queues high",
    ]


def test_counts_that_are_not_exact_say_so() -> None:
    lines = shown(queue(delayed=5_000, is_exact=False))

    assert "  delayed       at least 5000" in lines


@pytest.mark.parametrize(
    ("a_second", "text"),
    [
        (12_345.6, "12,346/s"),
        (12.34, "12.3/s"),
        (1, "1/s"),
        (0.5, "30/min"),
        (1 / 60, "1/min"),
        (0.001, "3.6/h"),
        (0, "0/h"),
    ],
)
def test_a_rate_is_told_in_a_unit_that_says_something(a_second: float, text: str) -> None:
    assert rate(a_second) == text


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("queue show high", 3, "no queue is named high: no tasks yet"),
        ("queue show high --since 9d", 2, "--since 9d: say a time of at most 8d"),
        ("queue show high --since 0s", 2, "--since 0s: say a time of at most 8d"),
        ("queue show high --since soon", 2, "--since soon: write a time like"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    line: str,
    code: int,
    words: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RQ_AGENT_HOME", str(tmp_path / "home"))

    assert main(line.split()) == code

    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert len(said.err.splitlines()) == 1
