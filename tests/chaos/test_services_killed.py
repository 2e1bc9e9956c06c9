"""Hosts and their worker are killed, restarted and drained beside 500 coroutines: none is lost,
none is accepted twice, none is charged."""

import random
import signal
from collections import Counter
from typing import Final

import anyio
import psutil
import pytest

from rq_agent.broker import keys

from . import figures
from .service_calls import Calls, going, two_at_once
from .service_rig import Rig
from .service_workers import is_alive, kill_process
from .sizes import long_only, pick

TASKS: Final = pick(short=60, long=500)
FEW: Final = 5
"""A host with so few is let live: a task whose host dies a fourth time fails with it."""
SLOTS: Final = ("--services", "1000", "--lease", "30s")


def lives(rng: random.Random, least_s: float, most_s: float) -> list[list[float]]:
    return [[rng.uniform(least_s, most_s)] for _ in range(TASKS)]


async def kill_hosts(calls: Calls, *, kills: int) -> int:
    """Kill the host with the most calls in it, again and again; return how often."""
    done = 0
    with anyio.move_on_after(30):
        while done < kills:
            await anyio.sleep(0.3)
            full = {pid: runs for pid, runs in going(calls.runs()).items() if is_alive(pid)}
            pid = max(full, key=lambda pid: len(full[pid]), default=0)
            if pid and len(full[pid]) > FEW:
                done += kill_process(pid)
    return done


@long_only  # short: test_services_guilty.py
@pytest.mark.timeout(300)
async def test_a_host_is_killed_again_and_again(rig: Rig) -> None:
    with rig.workers(*SLOTS) as workers:
        await rig.calls.submit("nap", *lives(random.Random(1), 1.0, 3.0))
        workers.start()
        await rig.calls.begun(TASKS)
        begun_s = anyio.current_time()
        kills = await kill_hosts(rig.calls, kills=8)
        outcome = await rig.outcome()
        took_s = anyio.current_time() - begun_s

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    assert outcome.charged == []
    figures.note("services: hosts SIGKILL", kills=kills, took_s=took_s, **outcome.figures())


@long_only  # short: tests/integration/host/test_forks.py
@pytest.mark.timeout(300)
async def test_a_host_of_processes_is_killed_again_and_again(rig: Rig) -> None:
    count, kills = 60, 0
    with rig.workers(*SLOTS) as workers:
        await rig.calls.submit("plain", *([2.0] for _ in range(count)), kind="process")
        workers.start()
        await rig.calls.begun(count)
        while kills < 3:
            await anyio.sleep(0.2)
            alive = [pid for pid in going(rig.calls.runs()) if is_alive(pid)]
            children = Counter(psutil.Process(pid).ppid() for pid in alive)
            host, most = children.most_common(1)[0] if children else (0, 0)
            if most > FEW:
                kills += kill_process(host)
        outcome = await rig.outcome()
        left = [pid for pid in going(outcome.runs) if is_alive(pid)]

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": count}
    assert (outcome.charged, left) == ([], [])
    figures.note("services: hosts of processes SIGKILL", kills=kills, **outcome.figures())


@long_only  # short: the worker is killed
@pytest.mark.timeout(300)
async def test_the_worker_is_killed_while_thousands_end_at_once(rig: Rig) -> None:
    count = 5_000
    with rig.workers("--services", str(count), "--lease", "30s") as workers:
        workers.start()
        await rig.calls.submit("together", *([count] for _ in range(count)))
        with anyio.fail_after(60):
            while await rig.lab.namespace.redis.zcard(keys.done(rig.lab.namespace.prefix)) < 10:
                await anyio.sleep(0.005)
        workers.kill()
        ended = await rig.lab.namespace.redis.zcard(keys.done(rig.lab.namespace.prefix))
        workers.start()
        outcome = await rig.outcome()

    outcome.must_be_clean()
    assert ended < count
    assert outcome.states() == {"succeeded": count}
    assert (outcome.charged, len(outcome.runs)) == ([], count)
    figures.note("services: killed while thousands end", told_before=ended, **outcome.figures())


@long_only  # short: tests/integration/worker/test_lights.py
@pytest.mark.timeout(300)
async def test_a_worker_that_is_stopped_gives_all_back(rig: Rig) -> None:
    with rig.workers(*SLOTS) as workers:
        await rig.calls.submit("nap", *([4.0] for _ in range(TASKS)))
        workers.start("w1")
        await rig.calls.begun(TASKS)
        workers.start("w2")
        await rig.lab.worker_is("w2", "idle")
        workers.processes["w1"].send_signal(signal.SIGTERM)
        await anyio.sleep(0.2)
        assert await workers.drained("w1") in (0, 1)
        outcome = await rig.outcome()

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    assert outcome.charged == []
    figures.note("services: SIGTERM twice", **outcome.figures())


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "hosts_die",
    [
        pytest.param(False, id="worker"),
        pytest.param(True, id="worker and hosts", marks=long_only),
    ],
)
async def test_the_worker_is_killed_again_and_again(rig: Rig, *, hosts_die: bool) -> None:
    rng = random.Random(2)
    with rig.workers(*SLOTS) as workers:
        await rig.calls.submit("nap", *lives(rng, 1.0, pick(short=1.5, long=12.0)))
        workers.start()
        await rig.calls.begun(TASKS)
        begun_s = anyio.current_time()
        kills = pick(short=1, long=6)
        for _ in range(kills):
            await anyio.sleep(rng.uniform(0.0, pick(short=0.1, long=2.0)))
            workers.kill()
            if hosts_die and rng.random() < 0.5:
                await kill_hosts(rig.calls, kills=1)
            workers.start()
        outcome = await rig.outcome()
        took_s = anyio.current_time() - begun_s

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    if not hosts_die:
        assert (outcome.charged, len(outcome.runs)) == ([], TASKS)
    name = "worker and hosts" if hosts_die else "worker"
    figures.note(f"services: {name} SIGKILL", kills=kills, took_s=took_s, **outcome.figures())


@long_only  # short: tests/integration/worker/test_lights_in_hosts.py
@pytest.mark.timeout(300)
async def test_the_worker_starts_anew_again_and_again(rig: Rig) -> None:
    rng, restarts = random.Random(3), 6
    with rig.workers(*SLOTS) as workers:
        await rig.calls.submit("nap", *lives(rng, 1.0, 14.0))
        workers.start()
        await rig.calls.begun(TASKS)
        for _ in range(restarts):
            await anyio.sleep(rng.uniform(1.0, 2.0))
            workers.processes["w1"].send_signal(signal.SIGHUP)
        outcome = await rig.outcome()

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS}
    assert (outcome.charged, len(outcome.runs)) == ([], TASKS)
    figures.note("services: worker starts anew", restarts=restarts, **outcome.figures())


@long_only  # short: tests/integration/worker/test_lights.py, with hosts that are fakes
@pytest.mark.timeout(300)
async def test_services_are_handed_over_by_a_worker_that_drains(rig: Rig) -> None:
    services, drains = 20, 3
    with rig.workers("--services", "1000") as workers:
        workers.start("w0")
        numbers = await rig.calls.submit("beats", *([] for _ in range(services)), restart="always")
        await rig.calls.submit("nap", *lives(random.Random(4), 0.5, 2.0))
        await rig.calls.begun(services + TASKS)
        gaps_s = []
        for n in range(drains):
            workers.start(f"w{n + 1}")
            await rig.lab.worker_is(f"w{n + 1}", "idle")
            since_s = anyio.current_time()
            assert await workers.drained(f"w{n}") == 0
            await rig.calls.begun_times(numbers, n + 2)
            gaps_s.append(anyio.current_time() - since_s)
        for number in numbers:
            await rig.lab.cancel(rig.calls.ids[number])
        outcome = await rig.outcome()

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": TASKS, "cancelled": services}
    assert outcome.charged == []
    assert two_at_once(outcome.runs) == []
    figures.note("services: drains", drains=drains, longest_gap_s=max(gaps_s), **outcome.figures())
