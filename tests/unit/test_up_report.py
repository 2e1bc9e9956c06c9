"""What `up` says of what it runs."""

import msgspec
import pytest

from rq_agent import __version__
from rq_agent.cli.upkeep.place import UpState
from rq_agent.cli.upkeep.processes import Process
from rq_agent.cli.upkeep.report import Told, notes
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
    "change", [{"worker": False}, {"listen": ""}, {"server": "redis://elsewhere"}]
)
def test_nobody_is_told_where_it_means_nothing(change: dict[str, object]) -> None:
    wanted = msgspec.structs.replace(OPEN, **change)

    assert not any(note.startswith(RISK) for note in told(wanted))
