"""When schedules fire: lines, zones, changes of the clock, and missed times."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_agent.broker.cron_times import Missed, check, due, explain, next_fire
from rq_agent.broker.errors import UsageError

BERLIN = "Europe/Berlin"


def ms(text: str) -> int:
    """Return the Unix ms of an ISO time with its offset."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def shown(fire_ms: int | None, zone: str = BERLIN) -> str:
    assert fire_ms is not None
    return datetime.fromtimestamp(fire_ms / 1000, ZoneInfo(zone)).isoformat()


def fires(expression: str, after: str, count: int) -> list[str]:
    """Return the next times in Berlin, each found from the one before."""
    found, at_ms = [], ms(after)
    for _ in range(count):
        following = next_fire(expression, BERLIN, at_ms)
        assert following is not None
        found.append(shown(at_ms := following))
    return found


def test_a_line_fires_in_its_own_time_zone() -> None:
    at_ms = ms("2026-07-01T00:30:00+00:00")

    assert shown(next_fire("0 3 * * *", BERLIN, at_ms)) == "2026-07-01T03:00:00+02:00"
    assert next_fire("0 3 * * *", "UTC", at_ms) == ms("2026-07-01T03:00:00+00:00")
    assert next_fire("0 3 * * *", "Asia/Kolkata", at_ms) == ms("2026-07-02T03:00:00+05:30")


def test_a_time_itself_is_not_after_itself() -> None:
    at_ms = ms("2026-07-01T03:00:00+00:00")

    assert next_fire("0 3 * * *", "UTC", at_ms) == at_ms + 86_400_000
    assert next_fire("0 3 * * *", "UTC", at_ms - 1) == at_ms
    assert next_fire("* * * * * *", "UTC", at_ms + 999) == at_ms + 1_000


def test_a_time_that_the_clock_skips_fires_at_the_end_of_the_gap() -> None:
    assert fires("30 2 * * *", "2026-03-28T12:00:00+01:00", 2) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_a_time_that_comes_twice_fires_once() -> None:
    assert fires("30 2 * * *", "2026-10-24T12:00:00+02:00", 2) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]


def test_within_the_hour_that_comes_twice_no_time_lies_back() -> None:
    second_pass = ms("2026-10-25T02:15:00+01:00")

    assert shown(next_fire("30 2 * * *", BERLIN, second_pass)) == "2026-10-26T02:30:00+01:00"


def test_an_hourly_line_follows_the_time_that_passes() -> None:
    assert fires("0 * * * *", "2026-03-29T00:30:00+01:00", 3) == [
        "2026-03-29T01:00:00+01:00",
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T04:00:00+02:00",
    ]
    assert fires("0 * * * *", "2026-10-25T01:30:00+02:00", 3) == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]


@settings(max_examples=50)
@given(
    st.sampled_from(["30 2 * * *", "0 * * * *", "*/7 * * * *", "15,45 1-3 * * *", "0 0 * * 1"]),
    st.sampled_from([BERLIN, "Africa/Cairo", "Australia/Lord_Howe", "America/New_York", "UTC"]),
    st.integers(ms("2026-01-01T00:00:00+00:00"), ms("2027-01-01T00:00:00+00:00")),
)
def test_times_always_go_forward(expression: str, zone: str, after_ms: int) -> None:
    found = [after_ms]
    for _ in range(20):
        following = next_fire(expression, zone, found[-1])
        assert following is not None
        found.append(following)

    assert all(earlier < later for earlier, later in pairwise(found))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "write five fields"),
        ("* * * *", "write five fields"),
        ("0 3 * * * * *", "write five fields"),
        ("@daily", "0 0 * * *"),
        ("99 * * * *", "field minute"),
        ("* * * * someday", "field day-of-week"),
        ("0 0 * * 1L/2", "field day-of-week"),
        ("* * * * \u00b2L", "field day-of-week"),
        ("0 0 31 2 *", "no date fits it"),
        ("* * */20 * 1L", "never fires"),
        ("9" * 5_000 + " * * * *", "5008 characters"),
        ("9" * 100 + " * * * *", "field minute"),
    ],
)
def test_a_line_that_is_none_or_never_fires_is_refused(expression: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("*", r"\*")):
        check(expression, "UTC")


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("utc", "did you mean"),
        ("localtime", "not known"),
        ("Europe", "not known"),
        ("", "write one like"),
        ("/etc/passwd", "not known"),
        ("../../etc/passwd", "not known"),
        ("a\0b", "not known"),
        ("x" * 5_000, "not known"),
    ],
)
def test_a_zone_that_is_none_is_refused(zone: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check("0 3 * * *", zone)


def test_a_line_is_explained_in_words() -> None:
    assert explain("0 3 * * mon-fri") == "At 03:00 on Monday through Friday"


MIDNIGHT = ms("2026-06-01T00:00:00+00:00")
HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("missed", "late_ms", "fired"),
    [
        (Missed.SKIP, 0, [0]),
        (Missed.SKIP, 5_000, [0]),
        (Missed.SKIP, 2 * HOUR, []),
        (Missed.SKIP, 3 * DAY + 5_000, [3 * DAY]),
        (Missed.ONCE, 2 * HOUR, [0]),
        (Missed.ONCE, 3 * DAY + HOUR, [3 * DAY]),
        (Missed.ALL, 0, [0]),
        (Missed.ALL, 3 * DAY + HOUR, [0, DAY, 2 * DAY, 3 * DAY]),
    ],
)
def test_missed_times_are_skipped_or_made_up_for(
    missed: Missed, late_ms: int, fired: list[int]
) -> None:
    now_ms = MIDNIGHT + late_ms

    found = due("0 0 * * *", "UTC", due_ms=MIDNIGHT, now_ms=now_ms, missed=missed)

    assert [fire_ms - MIDNIGHT for fire_ms in found.fires_ms] == fired
    assert found.next_ms == MIDNIGHT + late_ms // DAY * DAY + DAY


@pytest.mark.parametrize("due_ms", [MIDNIGHT - 400 * DAY, 0, -1, -(2**60)])
def test_all_makes_up_for_the_newest_hundred_at_most(due_ms: int) -> None:
    found = due("* * * * * *", "UTC", due_ms=due_ms, now_ms=MIDNIGHT, missed=Missed.ALL)

    assert found.fires_ms == tuple(MIDNIGHT - n * 1_000 for n in range(99, -1, -1))
    assert found.next_ms == MIDNIGHT + 1_000


def test_a_time_that_was_set_by_hand_counts_like_one_of_the_line() -> None:
    by_hand = MIDNIGHT - 90_000

    found = due("0 0 * * *", "UTC", due_ms=by_hand, now_ms=MIDNIGHT, missed=Missed.ALL)

    assert found.fires_ms == (by_hand, MIDNIGHT)


def test_times_missed_in_the_hour_that_comes_twice_are_found_from_its_second_pass() -> None:
    now_ms = ms("2026-10-25T02:15:00+01:00")
    due_ms = ms("2026-10-24T02:30:00+02:00")

    found = due("30 2 * * *", BERLIN, due_ms=due_ms, now_ms=now_ms, missed=Missed.ALL)

    assert [shown(fire_ms) for fire_ms in found.fires_ms] == [
        "2026-10-24T02:30:00+02:00",
        "2026-10-25T02:30:00+02:00",
    ]


def test_a_clock_that_is_lost_in_the_future_finds_no_time() -> None:
    assert next_fire("* * * * *", "UTC", 2**60) is None
    found = due("* * * * *", "UTC", due_ms=0, now_ms=2**60, missed=Missed.ALL)
    assert found.next_ms is None


def test_the_next_time_after_now_exists_for_an_ordinary_line() -> None:
    now_ms = int(datetime.now(UTC).timestamp() * 1000)

    check("*/5 * * * *", BERLIN)
    following = next_fire("*/5 * * * *", BERLIN, now_ms)

    assert following is not None
    assert 0 < following - now_ms <= 300_000
