"""What died with its host while nobody looked: who is charged for that."""

from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.worker.process import identity
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.process.wait import LOST, Exit
from rq_agent.worker.services.calls import Call, HostTools
from rq_agent.worker.services.given import GivenFile
from rq_agent.worker.services.host import Host
from rq_agent.worker.services.host_folder import HostFacts
from rq_agent.worker.services.settling import Unsettled


@pytest.mark.parametrize(
    ("isolation", "is_of_this_boot", "outcome", "following"),
    [
        (0, True, Outcome.RELEASE, 3),
        (3, True, Outcome.LOST, None),
        (0, False, Outcome.RELEASE, None),
        (3, False, Outcome.RELEASE, None),
    ],
)
async def test_a_restart_of_the_machine_is_nobodys_fault_and_a_killed_host_is(
    tmp_path: Path, isolation: int, is_of_this_boot: bool, outcome: Outcome, following: int | None
) -> None:
    GivenFile(tmp_path).add(
        [Call(key="a.1", target="m:f", arguments=b"[]", note="of a", isolation=isolation)]
    )
    boot = identity.boot_id() if is_of_this_boot else "another"
    facts = HostFacts(number=1, key="k", kind="coroutine", isolation=isolation, most=9, alone=False)
    tools = HostTools(worker="w", folder=tmp_path, snapshots=Mock(), executors={}, room=Mock())
    host = Host(
        facts,
        Handle(pid=1, started_ticks=1, boot_id=boot, folder=str(tmp_path)),
        tools,
        Mock(unsettled=Unsettled()),
        Mock(wait=AsyncMock(return_value=Exit(error=LOST))),
        is_found=True,
    )

    await host.serve()

    assert [(one.key, one.note) for one in host.all_found()] == [("a.1", "of a")]
    (end,) = host.telling.untold()
    assert (end.outcome, end.isolation) == (outcome, following)
