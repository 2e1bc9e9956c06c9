"""When a worker takes tasks: what people write, and what clocks do."""

from datetime import UTC, datetime, timedelta

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.worker.hours import Hours, Window, is_open, next_change, parse

BERLIN = "Europe/Berlin"
NIGHTS = "mon-fri 19:00-08:00, sat-sun 00:00-24:00"


def hours(text: str = NIGHTS, zone: str = "UTC") -> Hours:
    return parse(text, zone)


def at(text: str) -> datetime:
    """Return a moment; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("mon 9:00-17:30", [(0, 540, 1050)]),
        ("mon 19:00-08:00", [(0, 1140, 1920)]),
        ("sat 00:00-24:00", [(5, 0, 1440)]),
        ("sun 20:00-00:00", [(6, 1200, 1440)]),
        ("fri-mon 12:00-13:00", [(0, 720, 780), (4, 720, 780), (5, 720, 780), (6, 720, 780)]),
        ("Mon, WED ,fri 10:00 - 11:00", [(0, 600, 660), (2, 600, 660), (4, 600, 660)]),
        ("tuesday 10:00-11:00; 12:00-13:00", [(1, 600, 660), (1, 720, 780)]),
        ("sun-sun 1:00-2:00", [(6, 60, 120)]),
        ("mon 1:00-2:00; mon 01:00-02:00", [(0, 60, 120)]),
    ],
)
def test_hours_are_read(text: str, windows: list[tuple[int, int, int]]) -> None:
    assert hours(text).windows == tuple(Window(*each) for each in windows)


def test_times_without_days_are_for_every_day() -> None:
    found = hours("22:00-06:00").windows

    assert [(w.day, w.begin, w.end) for w in found] == [(day, 1320, 1800) for day in range(7)]


def test_what_was_written_is_kept_for_people() -> None:
    assert hours("  mon   1:00-2:00 ").text == "mon 1:00-2:00"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "part 1 ('', at character 1): is empty"),
        ("mon 1:00-2:00,", "part 2 ('', at character 15): is empty"),
        ("mon 1:00-2:00,, tue 1:00-2:00", "part 2 ('', at character 15): is empty"),
        ("mon 1:00-2:00, foo 1:00-2:00", "part 2 ('foo 1:00-2:00', at character 16): 'foo' is no"),
        ("mon-tue-wed 1:00-2:00", "is no day and no range of days"),
        ("mon- 1:00-2:00", "'' is no day; use mon, tue, wed"),
        ("mon", "part 1 ('mon', at character 1): says no time; a whole day is 00:00-24:00"),
        ("mon 1:00-2:00; sat, sun", "part 3 ('sun', at character 21): says no time"),
        ("mon 19-8", "'19-8' is no time like 19:00-08:00"),
        ("mon 1:00-2:00-3:00", "is no time like"),
        ("mon 25:00-26:00", "25:00 is no time of a day; use 00:00 to 24:00"),
        ("mon 1:60-2:00", "1:60 is no time of a day"),
        ("mon 24:01-2:00", "24:01 is no time of a day"),
        ("mon 24:00-2:00", "24:00-2:00 is no time at all"),
        ("mon 8:00-8:00", "8:00-8:00 is no time at all; a whole day is 00:00-24:00"),
        ("1:00-2:00 mon", "'1:00-2:00 mon' is no time like"),
        ("mon 1:0\N{ARABIC-INDIC DIGIT ONE}-2:00", "is no time like"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        hours(text)

    assert str(refused.value).startswith("--hours, part ")
    assert words in str(refused.value)


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean Europe/Berlin"):
        parse(NIGHTS, "Europe/Berlim")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [  # 2026-11-23 is a Monday
        ("2026-11-23T18:59:59", False),
        ("2026-11-23T19:00:00", True),
        ("2026-11-24T00:00:00", True),
        ("2026-11-24T07:59:59", True),
        ("2026-11-24T08:00:00", False),
        ("2026-11-28T12:00:00", True),  # Saturday
        ("2026-11-29T23:59:59", True),
        ("2026-11-30T00:00:00", False),  # Monday: Sunday ends at 24:00
        ("2026-11-30T07:00:00", False),
        ("2026-11-28T07:59:59", True),  # Friday's night, and Saturday
    ],
)
def test_a_time_over_midnight_belongs_to_the_day_it_begins_on(moment: str, expected: bool) -> None:
    assert is_open(hours(), at(moment)) is expected


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    assert is_open(hours(zone=BERLIN), at("2026-11-23T18:00:00"))
    assert is_open(hours(zone=BERLIN), at("2026-11-23T19:00:00+01:00"))
    assert not is_open(hours(zone=BERLIN), at("2026-11-23T10:59:00-07:00"))


@pytest.mark.parametrize(
    ("moment", "change"),
    [
        ("2026-11-23T12:00:00", "2026-11-23T19:00:00"),
        ("2026-11-23T19:00:00", "2026-11-24T08:00:00"),
        ("2026-11-24T07:59:59.999999", "2026-11-24T08:00:00"),
        ("2026-11-27T20:00:00", "2026-11-30T00:00:00"),  # Friday's night runs into the weekend
        ("2026-11-30T00:00:00", "2026-11-30T19:00:00"),
    ],
)
def test_the_next_change_is_found(moment: str, change: str) -> None:
    assert next_change(hours(), at(moment)) == at(change)


def test_hours_without_an_end_never_change() -> None:
    assert next_change(hours("mon-sun 00:00-24:00"), at("2026-11-23T12:00:00")) is None
    assert next_change(hours("08:00-20:00, 20:00-08:00"), at("2026-11-23T12:00:00")) is None


def test_one_hour_a_week_is_found_from_every_moment() -> None:
    weekly = hours("wed 10:00-11:00")

    assert next_change(weekly, at("2026-11-25T11:00:00")) == at("2026-12-02T10:00:00")


# In Berlin clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.


@pytest.mark.parametrize(
    ("text", "moment", "change"),
    [
        # 22:00 to 06:00 is seven hours long in that night
        ("sat 22:00-06:00", "2026-03-28T21:00:00", "2026-03-29T04:00:00"),
        # begins in the gap: at 03:00, when the clock has leapt over it
        ("sun 02:30-05:00", "2026-03-29T00:00:00", "2026-03-29T01:00:00"),
        # ends in the gap: at the leap
        ("sun 01:00-02:30", "2026-03-29T00:30:00", "2026-03-29T01:00:00"),
        # is all in the gap: not this week
        ("sun 02:10-02:50", "2026-03-29T00:00:00", "2026-04-05T00:10:00"),
    ],
)
def test_clocks_that_go_forward(text: str, moment: str, change: str) -> None:
    assert next_change(hours(text, BERLIN), at(moment)) == at(change)


@pytest.mark.parametrize(
    ("text", "moment", "change"),
    [
        # 22:00 to 06:00 is nine hours long in that night
        ("sat 22:00-06:00", "2026-10-24T20:00:00", "2026-10-25T05:00:00"),
        # the hour comes twice, and is open both times without a break
        ("sun 02:00-03:00", "2026-10-25T00:00:00", "2026-10-25T02:00:00"),
        # half of it comes twice, with a break
        ("sun 02:00-02:30", "2026-10-25T00:00:00", "2026-10-25T00:30:00"),
        ("sun 02:00-02:30", "2026-10-25T00:30:00", "2026-10-25T01:00:00"),
        ("sun 02:00-02:30", "2026-10-25T01:00:00", "2026-10-25T01:30:00"),
    ],
)
def test_clocks_that_go_back(text: str, moment: str, change: str) -> None:
    assert next_change(hours(text, BERLIN), at(moment)) == at(change)


@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("text", [NIGHTS, "sun 01:15-02:45; sat 22:00-03:00", "02:00-02:01"])
def test_the_change_is_the_first_minute_at_which_anything_is_different(
    zone: str, text: str
) -> None:
    found = hours(text, zone)
    for first in ("2026-03-07T20:00:00", "2026-03-28T20:00:00", "2026-10-03T08:00:00"):
        moment = at(first)
        change = next_change(found, moment)
        assert change is not None
        was = is_open(found, moment)
        looked_at = moment
        while looked_at < change:
            assert is_open(found, looked_at) == was
            looked_at += timedelta(minutes=1)
        assert is_open(found, change) != was
        assert is_open(found, change - timedelta(seconds=1)) == was
