"""A host with a deadline: it is written when it moves, and only then."""

import time
from pathlib import Path

import pytest

from rq_agent.worker.process import deadline
from rq_agent.worker.services.renewed import Renewed


def test_a_deadline_is_written_when_it_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[float] = []
    monkeypatch.setattr(deadline, "write", lambda folder, at_s: written.append(at_s))
    host = Renewed(tmp_path)
    soon_s = time.monotonic() + 60

    for at_s in (soon_s, soon_s, soon_s + 5, soon_s + 5):
        host.until(at_s)

    assert written == [soon_s, soon_s + 5]


def test_a_deadline_that_could_not_be_written_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "host"
    host = Renewed(folder)
    host.until(5.0)
    folder.mkdir()
    host.until(5.0)

    assert deadline.read(str(folder)) == 5.0
