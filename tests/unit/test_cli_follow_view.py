"""What a followed task is shown to do: a line for each phase."""

import io
from types import SimpleNamespace
from typing import cast

import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import LogEntry
from rq_agent.broker.record import Record, parse
from rq_agent.cli.config import Settings
from rq_agent.cli.render.follow_view import FollowView
from rq_agent.cli.render.screen import Screen


def view() -> FollowView:
    screen = Screen(cast(Settings, SimpleNamespace(json=False, color=False)))
    return FollowView(screen, out=io.BytesIO(), err=io.BytesIO())


def running(phase: str = "") -> Record:
    """Return a task that a worker has; "": of which it has told no phase yet."""
    fields = {b"state": b"running", b"worker": b"w1", b"queue": b"q", b"phase": phase.encode()}
    return parse(TaskId("01"), fields, {}, {})


def test_phases_are_shown_in_the_order_in_which_a_task_walks_through_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = view()
    for phase in ("", "environment", "starting", "running"):
        shown.state(running(phase))

    lines = [line.split(maxsplit=1)[1] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["claimed by w1", "environment", "starting", "running on w1"]


def test_a_look_from_before_the_output_takes_nothing_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = view()
    shown.state(running())
    entry = LogEntry(stream="out", offset=0, raw_bytes=1, data=b"x", dropped_bytes=0, at=0.0)
    shown.output(entry)
    shown.state(running())

    assert capsys.readouterr().err.count("\n") == 2
