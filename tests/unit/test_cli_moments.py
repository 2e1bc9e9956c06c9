"""Moments as people write them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.cli.moments import moment_s

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 7, 21, 12, 0, tzinfo=ZoneInfo(BERLIN))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", "2026-07-21T11:58:30+02:00"),
        ("1h30m", "2026-07-21T10:30:00+02:00"),
        ("09:30", "2026-07-21T09:30:00+02:00"),
        ("09:30:15", "2026-07-21T09:30:15+02:00"),
        ("2026-07-20", "2026-07-20T00:00:00+02:00"),
        ("2026-01-20 18:00", "2026-01-20T18:00:00+01:00"),
        ("2026-07-20T18:00Z", "2026-07-20T18:00:00+00:00"),
        ("2026-07-20T18:00-05:00", "2026-07-20T18:00:00-05:00"),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(text: str, moment: str) -> None:
    found = moment_s(text, "--since", now_s=NOW.timestamp(), zone=BERLIN)

    assert found == datetime.fromisoformat(moment).timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "-1h", "2026-13-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"--since .*write how long ago, like 10m or 2h, or a time"
    ):
        moment_s(text, "--since", now_s=NOW.timestamp(), zone=BERLIN)
