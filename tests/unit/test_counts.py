"""What stored minutes make together, whoever wrote to them."""

from rq_agent.broker.counts import Counts, joined
from rq_agent.broker.histogram import LAST

NOW_MS = 10**15


def test_minutes_add_up() -> None:
    stored = [
        {b"enqueued": b"3", b"claimed": b"2", b"succeeded": b"1", b"w5": b"2", b"r15": b"1"},
        {},
        {b"claimed": b"1", b"failed": b"1", b"retried": b"1", b"w9": b"1", b"r15": b"1"},
    ]

    found = joined("q", range(100, 103), stored, NOW_MS)

    assert (found.queue, found.since_ms, found.until_ms) == ("q", 6_000_000, 6_180_000)
    assert found.counts == Counts(enqueued=3, claimed=3, succeeded=1, failed=1, retried=1)
    assert found.counts.finished == 2
    assert found.wait is not None
    assert (found.wait.count, found.wait.p50_s, found.wait.p99_s) == (3, 0.005, 0.009)
    assert found.run is not None
    assert (found.run.count, found.run.p50_s, found.run.p99_s) == (2, 0.015, 0.015)


def test_a_period_that_goes_on_ends_now_and_its_rate_knows() -> None:
    found = joined("q", range(100, 105), [{b"claimed": b"30"}], 6_060_000)

    assert found.until_ms == 6_060_000
    assert found.a_second(found.counts.claimed) == 0.5


def test_a_period_that_has_not_begun_is_empty() -> None:
    found = joined("q", range(100, 105), [], 0)

    assert (found.since_ms, found.until_ms) == (6_000_000, 6_000_000)
    assert (found.counts, found.wait, found.run) == (Counts(), None, None)
    assert found.a_second(found.counts.claimed) == 0


def test_what_nobody_of_us_stored_is_not_counted() -> None:
    hostile = {
        b"enqueued": b"\xff",
        b"claimed": b"-5",
        b"failed": b"9" * 5_000,
        b"w": b"1",
        b"w-1": b"1",
        b"w" + str(LAST + 1).encode(): b"1",
        b"w" + b"9" * 5_000: b"1",
        b"r7": b"many",
        b"rich": b"1",
        b"\xff": b"1",
    }

    found = joined("q", [100], [hostile, {b"lost": b"1"}], NOW_MS)

    assert found.counts == Counts(lost=1)
    assert (found.wait, found.run) == (None, None)
