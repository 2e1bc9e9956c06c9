"""Light tasks that end, break or block their host, beside 200 neighbours: those succeed, uncharged;
who did it ends as `failed`."""

from collections import Counter
from typing import Final

import pytest

from . import figures
from .service_rig import Rig
from .sizes import long_only, pick

NEIGHBOURS: Final = pick(short=60, long=200)
NAP_S: Final = 1.0
SLOTS: Final = ("--services", "1000", "--host-lag", "1s", "--host-mem", "256M")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        pytest.param("exit", "exit 7", id="os._exit"),
        pytest.param("segfault", "signal 11", id="segfault", marks=long_only),
        pytest.param("killed", "signal 9", id="kill -9", marks=long_only),
        pytest.param("blocks", "blocked its event loop for", id="blocks", marks=long_only),
        pytest.param("eats", "oom: used more than 256 MiB", id="oom", marks=long_only),
    ],
)
async def test_who_breaks_its_host_fails_and_its_neighbours_succeed(
    rig: Rig, how: str, reason: str
) -> None:
    with rig.workers(*SLOTS) as workers:
        await rig.calls.submit("nap", *([NAP_S] for _ in range(NEIGHBOURS // 2)))
        [guilty] = await rig.calls.submit("bad", [how])
        await rig.calls.submit("nap", *([NAP_S] for _ in range(NEIGHBOURS - NEIGHBOURS // 2)))
        workers.start()
        outcome = await rig.outcome()

    outcome.must_be_clean()
    record = outcome.records[guilty]
    tries = Counter(run.number for run in outcome.runs)
    guilty_tries = tries.pop(guilty)
    assert (record.state, record.reason[: len(reason)]) == ("failed", reason)
    assert outcome.states() == {"succeeded": NEIGHBOURS, "failed": 1}
    assert outcome.charged == []
    figures.note(
        f"services: a task that {how}",
        neighbours=NEIGHBOURS,
        tries=guilty_tries,
        most_tries_of_a_neighbour=max(tries.values()),
        reason=record.reason,
        **outcome.figures(),
    )
