"""Light tasks by the thousand: cancelled at any moment, ended in one tick, of all kinds at once."""

import random

import anyio
import pytest

from rq_agent.broker.tasks import Tasks

from ..integration.worker.test_full_disk import fill, only_root, small_disk
from . import figures
from .service_calls import going, two_at_once
from .service_rig import Rig
from .service_workers import ServiceWorkers, is_alive, kill_process
from .sizes import long_only

pytestmark = [long_only, pytest.mark.timeout(300)]
"""Short: tests/integration/host and /services; a few tasks would show no more than those."""


async def test_cancels_at_any_moment(rig: Rig) -> None:
    """Before the start, while the module is imported, while they run, at their end."""
    count, rng = 1_500, random.Random(21)
    with rig.workers("--services", "1000") as workers:
        workers.start()
        await rig.lab.worker_is("w1", "idle")

        async def cancel_some() -> None:
            while True:
                await anyio.sleep(rng.uniform(0.0, 0.01))
                newest = rig.calls.ids[-600:]
                if newest:
                    grace_ms = rng.choice((0, 1_000))
                    await Tasks(rig.lab.namespace).cancel(rng.choice(newest), grace_ms=grace_ms)

        async with anyio.create_task_group() as tg:
            tg.start_soon(cancel_some)
            tg.start_soon(cancel_some)
            while len(rig.calls.ids) < count:
                some = [[rng.choice((0.0, 0.01, 0.3, 1.0))] for _ in range(30)]
                await rig.calls.submit("nap", *some)
                await anyio.sleep(0.05)
            outcome = await rig.outcome()
            tg.cancel_scope.cancel()

    outcome.must_be_clean()
    states = outcome.states()
    assert set(states) == {"succeeded", "cancelled"}
    assert outcome.charged == []
    figures.note("services: cancel storm", cancelled=states["cancelled"], **outcome.figures())


async def test_ten_thousand_end_in_the_same_tick(rig: Rig) -> None:
    count = 10_000
    with rig.workers("--services", str(count)) as workers:
        workers.start()
        await rig.calls.submit("together", *([count] for _ in range(count)))
        begun_s = anyio.current_time()
        outcome = await rig.outcome()
        took_s = anyio.current_time() - begun_s

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": count}
    assert (outcome.charged, len(outcome.runs)) == ([], count)
    last_begun_s = max(run.begun_s for run in outcome.runs)
    assert min(run.ended_s for run in outcome.runs) >= last_begun_s
    ends_s = [record.finished_at or 0.0 for record in outcome.records]
    figures.note(
        "services: 10 000 ends in one tick",
        took_s=took_s,
        told_within_s=max(ends_s) - min(ends_s),
        **outcome.figures(),
    )


@only_root
async def test_a_full_disk_keeps_ends_and_drops_only_output(rig: Rig) -> None:
    count = 100
    with (
        small_disk(rig.lab.home.state, 16 * 1024) as disk,
        rig.workers("--services", "1000") as workers,
    ):
        workers.start()
        await rig.calls.submit("says", *([400] for _ in range(count)))
        await rig.calls.begun(count)
        fill(disk / "filler")
        await anyio.sleep(4.0)
        (disk / "filler").unlink()
        outcome = await rig.outcome()
        assert await workers.drained() == 0

    outcome.must_be_clean()
    assert outcome.states() == {"succeeded": count}
    assert (outcome.charged, len(outcome.runs)) == ([], count)
    figures.note("services: full disk", **outcome.figures())


async def test_all_at_once(rig: Rig) -> None:
    """Two workers; kills of both and of hosts, cancels, and calls that break their host."""
    rng, count = random.Random(22), 2_000
    options = ("--services", "300", "--lease", "3s", "--host-lag", "2s")
    with rig.workers(*options) as workers:
        workers.start("w1")
        workers.start("w2")
        storm = Storm(rig, workers, rng)
        async with anyio.create_task_group() as tg:
            for nemesis in (storm.kill_workers, storm.kill_hosts, storm.cancel):
                tg.start_soon(nemesis)
            await storm.submit(count)
            await anyio.sleep(10)
            tg.cancel_scope.cancel()
        outcome = await rig.outcome()

    outcome.must_be_clean()
    wrong = [
        (number, record.state, record.reason)
        for number, record in enumerate(outcome.records)
        if record.state != "succeeded"
        and not (record.state == "cancelled" and record.id in storm.cancelled)
        and not (record.state == "failed" and number in storm.bad)
    ]
    assert wrong == []
    figures.note(
        "services: all at once",
        worker_kills=storm.worker_kills,
        host_kills=storm.host_kills,
        cancels=len(storm.cancelled),
        bad=len(storm.bad),
        **outcome.figures(),
    )


class Storm:
    """What comes upon the tasks, and what is known of them."""

    def __init__(self, rig: Rig, workers: ServiceWorkers, rng: random.Random) -> None:
        self._rig = rig
        self._workers = workers
        self._rng = rng
        self.bad: set[int] = set()
        """Numbers of calls that break their host."""
        self.cancelled: set[str] = set()
        self.worker_kills = 0
        self.host_kills = 0

    async def submit(self, count: int) -> None:
        """Enqueue calls of all kinds."""
        calls, rng = self._rig.calls, self._rng
        while len(calls.ids) < count:
            some = [[round(rng.uniform(0.0, 1.5), 2)] for _ in range(20)]
            await calls.submit("nap", *some)
            await calls.submit("plain", *some[:3], kind="process")
            await calls.submit("main", *some[:1], kind="program")
            if rng.random() < 0.1:
                how = rng.choice(("exit", "killed", "segfault", "blocks"))
                self.bad.update(await calls.submit("bad", [how]))
            await anyio.sleep(0.1)

    async def kill_workers(self) -> None:
        while True:
            await anyio.sleep(self._rng.uniform(0.5, 4.0))
            name = self._rng.choice(("w1", "w2"))
            self._workers.kill(name)
            self.worker_kills += 1
            await anyio.sleep(self._rng.choice((0.0, 0.0, 4.0)))
            self._workers.start(name)

    async def kill_hosts(self) -> None:
        """Kill those with many calls: one that is alone with its call is killed for good."""
        while True:
            await anyio.sleep(self._rng.uniform(0.5, 3.0))
            runs = going(self._rig.calls.runs())
            pids = [pid for pid, here in runs.items() if len(here) > 32 and is_alive(pid)]
            if pids:
                self.host_kills += kill_process(self._rng.choice(pids))

    async def cancel(self) -> None:
        while True:
            await anyio.sleep(self._rng.uniform(0.0, 0.3))
            if self._rig.calls.ids:
                task_id = self._rng.choice(self._rig.calls.ids[-100:])
                self.cancelled.add(task_id)
                await Tasks(self._rig.lab.namespace).cancel(task_id, grace_ms=0)


async def test_a_service_never_lives_twice_and_comes_back(rig: Rig) -> None:
    services, kills, lease_s = 5, 4, 3.0
    with rig.workers("--services", "100", "--lease", "3s") as workers:
        workers.start("w0")
        numbers = await rig.calls.submit(
            "beats", *([] for _ in range(services)), restart="always", exclusive="kill"
        )
        await rig.calls.begun(services)
        times = 1
        for n in range(kills):
            workers.start(f"w{n + 1}")
            await rig.lab.worker_is(f"w{n + 1}", "idle")
            workers.kill(f"w{n}")
            if n % 2:  # the hosts die as well
                for pid in going(rig.calls.runs()):
                    kill_process(pid)
            times += 1
            await rig.calls.begun_times(numbers, times)
        for number in numbers:
            await rig.lab.cancel(rig.calls.ids[number])
        outcome = await rig.outcome()

    outcome.must_be_clean()
    assert outcome.states() == {"cancelled": services}
    assert two_at_once(outcome.runs) == []
    figures.note(
        "services: restart always",
        kills=kills,
        lease_s=lease_s,
        attempts=str(sorted(record.attempt for record in outcome.records)),
        **outcome.figures(),
    )
