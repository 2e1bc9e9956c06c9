"""A host with a deadline: it is written when it moves, and only then."""

import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from rq_agent.worker.process import deadline
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.services.calls import HostTools
from rq_agent.worker.services.host import Host
from rq_agent.worker.services.host_folder import HostFacts


def host_in(folder: Path) -> Host:
    facts = HostFacts(number=1, key="k", kind="coroutine", isolation=3, most=1, alone=True)
    handle = Handle(pid=1, started_ticks=1, boot_id="b", folder=str(folder))
    tools = HostTools(worker="w", folder=folder, snapshots=Mock(), executors={}, room=Mock())
    return Host(facts, handle, tools, Mock(), Mock())


def test_a_deadline_is_written_when_it_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[float] = []
    monkeypatch.setattr(deadline, "write", lambda folder, at_s: written.append(at_s))
    host = host_in(tmp_path)
    soon_s = time.monotonic() + 60

    for at_s in (soon_s, soon_s, soon_s + 5, soon_s + 5):
        host.renew(at_s)

    assert written == [soon_s, soon_s + 5]


def test_a_deadline_that_could_not_be_written_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "host"
    host = host_in(folder)
    host.renew(5.0)
    folder.mkdir()
    host.renew(5.0)

    assert deadline.read(str(folder)) == 5.0
