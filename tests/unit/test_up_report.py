"""What `up` says of what it runs."""

import msgspec
import pytest

from rq_agent import __version__
from rq_agent.cli.upkeep.place import UpState
from rq_agent.cli.upkeep.processes import Process
from rq_agent.cli.upkeep.report import Told, moved, notes
from rq_agent.cli.upkeep.wanted import Wanted

OPEN = Wanted(namespace="lab", worker_name="box", listen="10.0.0.1:7341", host_name="lab")
RISK = "whoever submits to this machine's worker runs code as you"


def told(wanted: Wanted) -> list[str]:
    state = UpState(
        process=Process(pid=1, started_ticks=1, boot_id="b"),
        version=__version__,
        wanted=wanted,
        parts=(),
    )
    return notes(Told(state=state, changed=True))


def test_who_opens_the_server_of_a_machine_with_a_worker_is_told_what_that_means() -> None:
    assert any(note.startswith(RISK) for note in told(OPEN))


@pytest.mark.parametrize(
    "change",
    [{"worker": False}, {"listen": ""}, {"server": "redis://elsewhere"}],
)
def test_nobody_is_told_where_it_means_nothing(change: dict[str, object]) -> None:
    wanted = msgspec.structs.replace(OPEN, **change)

    assert not any(note.startswith(RISK) for note in told(wanted))


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ("10.0.0.1:7341", "10.0.0.1:7342", "10.0.0.1:7341 is closed now"),
        ("10.0.0.1:7341", "", "10.0.0.1:7341 is closed now"),
        ("10.0.0.1:7341", "10.0.0.1:7341", ""),
        ("", "10.0.0.1:7341", ""),
    ],
)
def test_who_closes_the_way_in_is_told_who_came_by_it(before: str, now: str, words: str) -> None:
    told = moved(
        Wanted(namespace="default", listen=before), Wanted(namespace="default", listen=now)
    )

    assert told.startswith(words)
    assert bool(told) is bool(words)
    assert moved(None, Wanted(namespace="default", listen=now)) == ""
