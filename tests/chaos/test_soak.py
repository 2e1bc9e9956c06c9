"""Two workers, a scheduler and a server at work for long: nothing grows.

`SOAK_MINUTES=20 make soak`. Without it a few seconds, in which only zombies and open files show.
"""

import os
import random
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
import pytest
from redis import Redis

from rq_agent.broker import keys, retention
from rq_agent.broker.cron_times import Missed
from rq_agent.broker.home import machine_id
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.scheduling import Timetable, add_schedule
from rq_agent.broker.submission import Packed, Submission, new_task, pack
from rq_agent.broker.tasks import Tasks

from ..integration.worker.lab import Lab, open_lab
from . import figures
from .series import Bound, Point, begin_and_end, rise, rising, warmed_up
from .servers import Server
from .soak_watch import Soak, lingering

MINUTES: Final = float(os.environ.get("SOAK_MINUTES", "0"))
RUN_S: Final = MINUTES * 60 if MINUTES else 6.0
LOOK_S: Final = 10.0 if MINUTES else 0.5
KEPT_S: Final = 20.0 if MINUTES else 1.0
PACE_S: Final = 0.2
"""From one task to the next. Always the same: what is kept of them must not change with it."""
BACKLOG: Final = 20
"""Tasks that wait or run: on a machine that can't bear that pace."""
EVENTS: Final = 120_000
"""More than the stream keeps: it is full from the begin on."""
_PHASES: Final = ("snapshot", "environment", "starting", "running")
LIFE: Final = (
    {"event": "enqueued", "state": "queued"},
    {"event": "claimed", "state": "running", "worker": "w1", "fence": "1"},
    *({"event": "phase", "phase": phase, "fence": "1"} for phase in _PHASES),
    {"event": "failed", "state": "failed", "reason": "exit 3"},
    {"event": "purged", "reason": "nothing of importance"},
)
"""What a task leaves in the stream of events, and a little more."""
_ROOT: Final = Path(__file__).parents[2]
SCRIPT: Final = """
import sys
kind, number = sys.argv[1:]
for line in range(20):
    print("task", number, "line", line)
if kind == "fails":
    sys.exit(3)
if kind == "sleeps":
    import time
    time.sleep(600)
"""
KINDS: Final = ("ends", "fails", "sleeps", "ends", "ends", "ends", "fails", "ends", "ends", "ends")
"""In turn; what sleeps is cancelled."""
BOUNDS: Final = {
    "rss_mib": Bound(0.05, 3.0),
    "used_mib": Bound(0.05, 1.0),
    "keys": Bound(0.15, 60.0),
    "clients": Bound(0, 2.0),
    "fds": Bound(0, 4.0),
    "threads": Bound(0, 2.0),
    "zombies": Bound(0, 0.5),
    "runs": Bound(0.25, 15.0),
}
"""How much each may rise from the end of the warm-up to the end."""
LOOSE: Final = {
    **dict.fromkeys(BOUNDS, Bound(0, 12.0)),
    **dict.fromkeys(("rss_mib", "used_mib", "keys", "runs"), Bound(9, 300.0)),
}
"""In seconds, processes are still warming up, and a few looks show a moment."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(options=("--auto-aof-rewrite-percentage", "100")) as server:
        yield server


@pytest.fixture
async def lab(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lab]:
    monkeypatch.setattr(retention, "RECORD_MS", int(KEPT_S * 1000))
    monkeypatch.setattr(retention, "LOG_MS", int(KEPT_S * 1000))
    async with open_lab(server.url, f"c{secrets.token_hex(4)}", tmp_path) as lab:
        await fill_events(lab)
        yield lab


async def fill_events(lab: Lab) -> None:
    """Let the stream of events be as long as it gets, and of such entries as come in later: only
    then it stays as large as it is.
    """
    key, pipe = keys.events(lab.namespace.prefix), lab.namespace.redis.pipeline(transaction=False)
    for n in range(EVENTS if MINUTES else 0):
        fields: dict[Any, Any] = {"id": "0" * 16, **LIFE[n % len(LIFE)], "queue": "default"}
        pipe.xadd(key, fields, maxlen=100_000, approximate=True)
        if n % 1_000 == 999:
            await pipe.execute()


@contextmanager
def processes(lab: Lab, folder: Path) -> Iterator[Mapping[str, subprocess.Popen[bytes]]]:
    """Two workers and a scheduler; they are ended in the end as systemd does."""
    home = str(lab.home.config.parent)
    worker = [sys.executable, "-m", "tests.chaos.soak_worker"]
    where = [home, lab.url, lab.namespace.name, str(KEPT_S)]
    commands = {
        "w1": [*worker, "w1", *where],
        "w2": [*worker, "w2", *where],
        "scheduler": [sys.executable, "-m", "rq_agent.cli", "scheduler"],
    }
    variables = os.environ | {
        "RQ_AGENT_HOME": home,
        "RQ_AGENT_REDIS_URL": lab.url,
        "RQ_AGENT_NAMESPACE": lab.namespace.name,
        "RQ_AGENT_ARCHIVE": str(folder / "archive"),
    }
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with (folder / "said").open("wb") as log:
            for name, command in commands.items():
                started[name] = subprocess.Popen(
                    command,
                    cwd=_ROOT,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        yield started
    finally:
        for process in started.values():
            process.send_signal(signal.SIGTERM)
        for process in started.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Traffic:
    """What people do all the time: enqueue, cancel, read logs."""

    def __init__(self, lab: Lab, packed: Packed, submission: Submission) -> None:
        self._lab = lab
        self._packed = packed
        self._submission = submission
        self._rng = random.Random(5)
        self._open: dict[TaskId, str] = {}
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Go on forever."""
        due = anyio.current_time()
        while True:
            await self._look()
            if len(self._open) < BACKLOG:
                await self._enqueue()
            due = max(due + PACE_S, anyio.current_time())
            await anyio.sleep_until(due)

    async def end(self) -> None:
        """Let nothing run on."""
        for task_id in self._open:
            await Tasks(self._lab.namespace).cancel(task_id, grace_ms=0)

    async def _enqueue(self) -> None:
        kind = KINDS[self.counts["enqueued"] % len(KINDS)]
        plain = self._submission
        changed = Submission(
            target=plain.target,
            workdir=plain.workdir,
            user=plain.user,
            argv=(kind, str(self.counts["enqueued"])),
            grace_s=0,
        )
        task = new_task(self._lab.namespace.name, changed, self._packed.digest, self._lab.pair)
        upload = self._packed.upload
        await Tasks(self._lab.namespace).enqueue([task], {self._packed.digest: upload})
        self._open[task.id] = kind
        self.counts["enqueued"] += 1

    async def _look(self) -> None:
        """Cancel what sleeps, read a log, and count what has ended."""
        records = await Lookups(self._lab.namespace).records(list(self._open))
        for record in records:
            if record.is_final:
                self.counts[record.state] += 1
            elif self._open[record.id] == "sleeps" and record.phase == "running":
                await Tasks(self._lab.namespace).cancel(record.id, grace_ms=0)
            if record.fence and self._rng.random() < 0.2:
                await Logs(self._lab.namespace).read(record.id, record.fence, count=100)
                self.counts["logs_read"] += 1
        still = {record.id for record in records if not record.is_final}
        self._open = {task_id: kind for task_id, kind in self._open.items() if task_id in still}


@pytest.mark.timeout(RUN_S + 180)
async def test_nothing_grows_under_steady_work(lab: Lab, server: Server, tmp_path: Path) -> None:
    target = lab.script(SCRIPT)
    submission = Submission(target=target, workdir=target.parent, user="ada")
    packed = await pack(lab.namespace, submission, progress=lambda text: None)
    scheduled = Submission(
        target=target, workdir=target.parent, user="ada", argv=("ends", "scheduled")
    )
    timetable = Timetable(name="often", expression="*/5 * * * * *", zone="UTC", missed=Missed.ONCE)
    await add_schedule(
        lab.namespace, scheduled, timetable, lab.pair, replaces=False, progress=lambda text: None
    )
    traffic = Traffic(lab, packed, submission)
    runs = lab.home.state / machine_id() / "workers"
    with processes(lab, tmp_path) as started, Redis(unix_socket_path=str(socket_of(server))) as own:
        pids = {name: process.pid for name, process in started.items()} | {"redis": server.pid}
        soak = Soak(pids, own, lab.namespace.prefix, {w: runs / w / "tasks" for w in ("w1", "w2")})
        async with anyio.create_task_group() as tg:
            tg.start_soon(traffic.run)
            await at_work(lab)
            end = anyio.current_time() + RUN_S
            while anyio.current_time() < end:
                await anyio.to_thread.run_sync(soak.look)
                assert [n for n, p in started.items() if p.poll() is not None] == []
                await anyio.sleep(LOOK_S)
            tg.cancel_scope.cancel()
        await traffic.end()

    keep(soak.series)
    warm = {name: warmed_up(points) for name, points in soak.series.items()}
    said = (tmp_path / "said").read_text("utf-8", "replace")
    assert rising(warm, BOUNDS if MINUTES else LOOSE) == []
    assert [name for name, points in warm.items() if is_zombies(name) and lingering(points)] == []
    assert traffic.counts["cancelled"]
    assert "Traceback" not in said
    note(warm, traffic.counts)


def keep(series: Mapping[str, Sequence[Point]]) -> None:
    """Keep all that was seen beside the figures: for whoever looks for what rises."""
    if MINUTES:
        figures.FILE.parent.mkdir(exist_ok=True)
        figures.FILE.with_name("soak.json").write_bytes(msgspec.json.encode(series))


def socket_of(server: Server) -> Path:
    return Path(server.url.removeprefix("unix://").partition("?")[0])


async def at_work(lab: Lab) -> None:
    """Wait until both workers are there: a process that starts grows."""
    with anyio.fail_after(60):
        while len(await lab.workers()) < 2:
            await anyio.sleep(0.1)


def is_zombies(name: str) -> bool:
    return name.endswith(" zombies")


def note(series: Mapping[str, Sequence[Point]], counts: Counter[str]) -> None:
    shown = {
        "redis used_mib": "redis_used_mib",
        "redis keys": "keys",
        "w1 rss_mib": "w1_rss_mib",
        "w2 rss_mib": "w2_rss_mib",
        "scheduler rss_mib": "scheduler_rss_mib",
        "w1-launcher rss_mib": "launcher_rss_mib",
        "w1 fds": "w1_fds",
        "w1 threads": "w1_threads",
        "workers runs": "run_folders",
    }
    trends = {
        short: "{:.4g}..{:.4g}".format(*begin_and_end(series[name]))
        for name, short in shown.items()
    }
    figures.note(
        "soak",
        minutes=RUN_S / 60,
        tasks=counts["enqueued"],
        tasks_a_second=counts["enqueued"] / RUN_S,
        cancelled=counts["cancelled"],
        zombies=max(v for name, points in series.items() if is_zombies(name) for _, v in points),
        worst_rise_of_rss_mib=max(rise(p) for n, p in series.items() if n.endswith("rss_mib")),
        **trends,
    )
