"""Tasks that kill their worker end as `dead`, with their history; their neighbours go on."""

import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
import pytest

from rq_agent.broker import urls
from rq_agent.broker.history import history
from rq_agent.broker.keys import TaskId
from rq_agent.broker.submission import Submission, new_task, pack
from rq_agent.broker.tasks import Tasks
from rq_agent.worker.process.sessions import MOST

from ..integration.worker.lab import Lab, open_lab
from ..leak_check import check_no_leaks
from ..servers import Servers
from . import figures
from .restarted import restarted
from .sizes import pick

MAX_LOST: Final = pick(short=0, long=3)
FIND_WORKER: Final = """
import os, time
from pathlib import Path

def worker():
    while not (pid := Path("../../../journal.lock").read_text()):
        time.sleep(0.01)  # it is being written
    return int(pid)

def kill(pid):
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
"""
KILLS_WORKER: Final = f"""{FIND_WORKER}
while True:
    kill(worker())
    time.sleep(0.2)
"""
KILLS_BOTH: Final = f"""{FIND_WORKER}
kill(worker())
kill(os.getppid())
"""
NEIGHBOUR: Final = """
import os, time
print(os.getpid(), flush=True)
while not os.path.exists("go"):
    time.sleep(0.05)
print("went on", flush=True)
"""


@pytest.fixture
async def lab(servers: Servers, tmp_path: Path) -> AsyncIterator[Lab]:
    url = urls.of_socket(servers.socket("valkey"))
    async with open_lab(url, f"c{secrets.token_hex(4)}", tmp_path) as lab:
        yield lab
        await check_no_leaks(lab.namespace)


async def enqueue(lab: Lab, script: str) -> TaskId:
    target = lab.script(script)
    submission = Submission(target=target, workdir=target.parent, user="ada")
    packed = await pack(lab.namespace, submission, progress=lambda text: None)
    plain = new_task(lab.namespace.name, submission, packed.digest, lab.pair)
    task = msgspec.structs.replace(plain, max_lost=MAX_LOST)
    await Tasks(lab.namespace).enqueue([task], {packed.digest: packed.upload})
    return task.id


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "script", "deaths_a_claim", "why"),
    [
        pytest.param(
            "a task that kills its worker",
            KILLS_WORKER,
            MOST,
            r"its worker died [5-9] times beside it",
            id="worker",
        ),
        pytest.param(
            "a task that kills its worker and its shim",
            KILLS_BOTH,
            1,
            "worker and supervisor were killed",
            id="worker and shim",
        ),
    ],
)
async def test_a_task_that_kills_its_worker_ends_dead(
    lab: Lab, name: str, script: str, deaths_a_claim: int, why: str
) -> None:
    deaths = deaths_a_claim * (MAX_LOST + 1)
    async with restarted(lab, options=("--slots", "3"), most=2 * deaths + 3) as worker:
        neighbour = await lab.submit(NEIGHBOUR)
        await lab.reached(neighbour, "phase", phase="running")
        await lab.printed(neighbour, "\n", stream="out")
        begun = anyio.current_time()
        poison = await enqueue(lab, script)
        others = [await lab.submit(f"print({n})") for n in range(4)]
        await lab.ended(poison)
        took_s = anyio.current_time() - begun
        (lab.run_folder(neighbour) / "tree" / "go").touch()
        found = await lab.ended(poison, neighbour, *others)
        dead, near, *rest = found

    told = [(step.event, step.detail) for step in await history(lab.namespace, poison)]
    assert (dead.state, dead.lost) == ("dead", MAX_LOST + 1)
    assert [event for event, _ in told].count("claimed") == MAX_LOST + 1
    losses = [detail for event, detail in told if event == "lost"]
    assert [re.fullmatch(f"w1 {why}", loss) is None for loss in losses] == [False] * (MAX_LOST + 1)
    assert told[-1][0] == "dead"
    assert (near.state, near.fence, near.lost) == ("succeeded", 1, 0)
    assert (await lab.output(neighbour)).splitlines()[1:] == ["went on"]
    assert [record.state for record in rest] == ["succeeded"] * len(rest)
    figures.note(name, **figures_of(worker.deaths, took_s, dead.lost, near.lost))


def figures_of(deaths: int, took_s: float, lost: int, neighbour: int) -> dict[str, Any]:
    return {
        "worker_deaths": deaths,
        "until_dead_s": took_s,
        "charged": lost,
        "neighbours_charged": neighbour,
    }
