"""Schedules as people read them, and the time zone of a machine."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.cron_times import next_fires
from rq_agent.broker.schedule import FIELDS, Schedule, malformed, parse
from rq_agent.cli.local_zone import local_zone
from rq_agent.cli.render.schedules import (
    fire_lines,
    lines_of,
    moment,
    row,
    schedule_json,
    wide_row,
)

STORED = {
    "revision": b"3",
    "expression": b"0 3 * * *",
    "zone": b"Europe/Berlin",
    "missed": b"once",
    "definition": b"ab" * 32,
    "task": b'{"queue":"night","name":"train.py"}',
    "user": b"ada",
    "created_ms": b"1763720000000",
    "fired": b"2",
    "fired_ms": b"1763720100000",
    "last_task": b"t2",
}


def read(next_ms: float = 1763780400000, **changes: Any) -> Schedule:
    stored = STORED | changes
    return parse("nightly", [stored.get(field) for field in FIELDS], next_ms)


def test_a_schedule_is_a_row_with_its_next_time_here(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [cell.text for cell in row(read())]

    assert cells[0] == "nightly"
    assert cells[1].startswith("2025-11-2")
    assert cells[2:] == ["0 3 * * *", "Europe/Berlin", "train.py", "night", "2", "t2"]


def test_a_paused_schedule_says_why_in_the_place_of_its_time() -> None:
    paused = read(float("inf"), paused=b"1", reason=b"holidays")

    assert row(paused)[1].text == "paused (holidays)"
    assert wide_row(paused)[-1].text == "At 03:00 every day (Europe/Berlin)"


def test_times_of_a_line_are_in_its_own_zone_on_both_sides_of_a_change_of_the_clock() -> None:
    friday_ms = int(datetime(2026, 10, 23, 12, tzinfo=UTC).timestamp() * 1000)
    fires_ms = next_fires("30 7 * * sat,sun", "Europe/Berlin", friday_ms, 2)

    assert fire_lines("30 7 * * sat,sun", "Europe/Berlin", fires_ms) == [
        "At 07:30 on Saturday and Sunday (Europe/Berlin)",
        "  Sat 2026-10-24 07:30 CEST",
        "  Sun 2026-10-25 07:30 CET",
    ]
    assert moment(friday_ms / 1000 + 5, "UTC") == "Fri 2026-10-23 12:00:05 UTC"


def test_a_schedule_is_shown_in_words() -> None:
    text = "\n".join(lines_of(read()))

    for expected in (
        "schedule nightly",
        "  in words      At 03:00 every day (Europe/Berlin)",
        "  missed times  once",
        "  fired         2 tasks",
        "  last task     t2",
        "  user          ada",
    ):
        assert expected in text
    assert "reason" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expression": b"\xff often"}, "cron line"),
        ({"expression": b""}, "malformed record: expression"),
        ({"missed": b"maybe"}, "malformed record: missed"),
        ({"task": b"{"}, "malformed record: task"),
        ({"task": b"[" * 100_000}, "malformed record: task"),
        ({"zone": b"\x1b[2J"}, "\ufffd[2J"),
    ],
)
def test_whatever_is_stored_can_be_shown(changes: dict[str, Any], words: str) -> None:
    schedule = read(**changes)

    assert words in "\n".join(lines_of(schedule))
    assert row(schedule)[0].text == "nightly"
    assert schedule_json(schedule)["name"] == "nightly"


def test_a_record_that_can_t_be_read_is_still_a_row() -> None:
    schedule = malformed("nightly", "WRONGTYPE", 5e300)

    assert "WRONGTYPE" in "\n".join(lines_of(schedule))
    assert row(schedule)[0].text == "nightly"


def test_json_holds_what_scripts_may_rely_on() -> None:
    told = schedule_json(read())

    assert told["next_at"] == 1763780400.0
    assert told["in_words"] == "At 03:00 every day (Europe/Berlin)"
    assert not {"settings", "revision", "problem"} & set(told)


@pytest.mark.parametrize(
    ("environ", "target", "zone"),
    [
        ({}, "/usr/share/zoneinfo/Asia/Kolkata", "Asia/Kolkata"),
        ({"TZ": "America/New_York"}, "/usr/share/zoneinfo/Asia/Kolkata", "America/New_York"),
        ({"TZ": ":America/New_York"}, "", "America/New_York"),
        ({"TZ": "CET-1CEST"}, "/usr/share/zoneinfo/Asia/Kolkata", "Asia/Kolkata"),
        ({"TZ": ""}, "", "UTC"),
        ({}, "/somewhere/else", "UTC"),
    ],
)
def test_the_zone_of_a_machine_is_the_one_that_it_names(
    tmp_path: Path, environ: dict[str, str], target: str, zone: str
) -> None:
    link = tmp_path / "localtime"
    if target:
        link.symlink_to(target)

    assert local_zone(environ, link) == zone
