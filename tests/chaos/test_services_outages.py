"""The server dies, hangs, forgets and comes back under 500 light tasks; a worker stands still."""

import random
from pathlib import Path
from typing import Final

import anyio
import pytest

from . import figures
from .proxied import Faults, Way
from .proxy import Proxy
from .servers import Server
from .service_calls import two_at_once
from .service_rig import again, rig_on
from .service_verdict import Outcome
from .sizes import long_only

pytestmark = [long_only, pytest.mark.timeout(300)]
"""Short: tests/integration/worker/test_lights_in_hosts.py, and the outages of ordinary tasks."""

TASKS: Final = 500
NAME: Final = "outages"
LEASE_S: Final = 3.0
SLOTS: Final = ("--services", "1000", "--lease", "3s")


def lives(seed: int, most_s: float) -> list[list[float]]:
    rng = random.Random(seed)
    return [[rng.uniform(0.5, most_s)] for _ in range(TASKS)]


def must_have_run_once(outcome: Outcome) -> None:
    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    assert (outcome.charged, len(outcome.runs)) == ([], TASKS)


async def test_the_server_is_killed_again_and_again(server: Server, cached_home: Path) -> None:
    kills = 5
    async with rig_on(server.url, cached_home, name=NAME) as rig:
        with rig.workers(*SLOTS) as workers:
            await rig.calls.submit("nap", *lives(11, 15.0))
            workers.start()
            await rig.calls.begun(50)
            for n in range(kills):
                await anyio.sleep(1.5)
                server.kill()
                await anyio.sleep(0.5 * n)
                server.start()
            async with again(rig) as rig:
                outcome = await rig.outcome()

    must_have_run_once(outcome)
    figures.note("services: server SIGKILL", kills=kills, **outcome.figures())


async def test_the_worker_dies_while_the_server_is_away(server: Server, cached_home: Path) -> None:
    async with rig_on(server.url, cached_home, name=NAME) as rig:
        with rig.workers(*SLOTS) as workers:
            await rig.calls.submit("nap", *lives(15, 10.0))
            workers.start()
            await rig.calls.begun(TASKS)
            server.kill()
            workers.kill()
            await anyio.sleep(2.0)
            workers.start()
            await anyio.sleep(2.0)
            server.start()
            async with again(rig) as rig:
                outcome = await rig.outcome()

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    figures.note("services: worker dies while the server is away", **outcome.figures())


@pytest.mark.parametrize("way", list(Way), ids=lambda way: way.name.lower())
async def test_a_black_hole_for_longer_than_the_lease(
    server: Server, cached_home: Path, way: Way
) -> None:
    with Proxy(server.port) as proxy:
        async with rig_on(server.url, cached_home, name=NAME) as rig:
            with rig.workers(*SLOTS, url=proxy.url) as workers:
                await rig.calls.submit("nap", *lives(12, 12.0))
                workers.start()
                await rig.calls.begun(TASKS)
                proxy.inject(Faults(lost=frozenset([way])))
                await anyio.sleep(2.5 * LEASE_S)
                proxy.heal()
                outcome = await rig.outcome()

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    figures.note(f"services: black hole {way.name.lower()}", **outcome.figures())


async def test_the_server_forgets_a_second(server: Server, cached_home: Path) -> None:
    async with rig_on(server.url, cached_home, name=NAME) as rig:
        with rig.workers(*SLOTS) as workers:
            await rig.calls.submit("nap", [0.0])
            workers.start()
            await rig.calls.begun(1)
            workers.stop()
            await rig.calls.submit("nap", *lives(13, 12.0)[1:])
            await anyio.sleep(2.1)  # so that only claims and what follows lie in the last second
            workers.go_on()
            await rig.calls.begun(TASKS)
            ended_s = anyio.current_time()
            server.kill()
            taken = server.cut(1.0)
            server.start()
            async with again(rig) as rig:
                outcome = await rig.outcome()
                took_s = anyio.current_time() - ended_s

    must_have_run_once(outcome)
    figures.note(
        "services: file cut by a second",
        lost_bytes_of_the_file=taken.lost_bytes,
        took_s=took_s,
        **outcome.figures(),
    )


async def test_the_server_forgets_ends(server: Server, cached_home: Path) -> None:
    """Tasks that were told to have ended run again, or are told again: both are at least once."""
    async with rig_on(server.url, cached_home, name=NAME) as rig:
        with rig.workers("--services", "20", "--lease", "3s") as workers:
            await rig.calls.submit("nap", *([0.1] for _ in range(TASKS)))
            await anyio.sleep(2.1)
            workers.start()
            await rig.calls.begun(TASKS * 3 // 4)
            server.kill()
            server.cut(1.0)
            server.start()
            async with again(rig) as rig:
                outcome = await rig.outcome()

    assert outcome.lost == []
    assert outcome.not_run == ()
    assert outcome.states() == {"succeeded": TASKS}
    figures.note("services: ends cut by a second", **outcome.figures())


async def test_the_server_comes_back_empty(server: Server, cached_home: Path) -> None:
    nothing = server.remember()
    async with rig_on(server.url, cached_home, name=NAME) as rig:
        with rig.workers(*SLOTS) as workers:
            await rig.calls.submit("nap", *([8.0] for _ in range(TASKS)))
            workers.start()
            await rig.calls.begun(TASKS)
            server.kill()
            server.roll_back(nothing)
            server.start()
            async with again(rig) as rig:
                outcome = await rig.outcome()

    must_have_run_once(outcome)
    figures.note("services: empty server", **outcome.figures())


async def test_a_worker_that_stood_still_is_fenced(server: Server, cached_home: Path) -> None:
    stops = 3
    async with rig_on(server.url, cached_home, name=NAME) as rig:
        with rig.workers(*SLOTS) as workers:
            await rig.calls.submit("nap", *lives(14, 25.0))
            names = ["w1", "w2"]
            workers.start("w1")
            await rig.calls.begun(TASKS)
            workers.start("w2")
            await rig.lab.worker_is("w2", "idle")
            for n in range(stops):
                name = names[n % 2]
                workers.stop(name)
                await anyio.sleep(2 * LEASE_S)
                workers.go_on(name)
                await anyio.sleep(2.0)
            outcome = await rig.outcome()
            zombies = [run for run in outcome.runs if not (run.ended_s or run.is_cancelled)]

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    figures.note(
        "services: workers SIGSTOP",
        stops=stops,
        still_running=len(zombies),
        zombies_cancelled=sum(run.is_cancelled for run in outcome.runs),
        zombies_that_ended=sum(run.ended_s > 0 for run in outcome.runs) - TASKS,
        two_at_once=len(two_at_once(outcome.runs)),
        **outcome.figures(),
    )
