"""Whole workers with real programs are killed all the time: each program runs once, to its end."""

import os
import random
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final, Self

import anyio
import msgspec
import pytest

from rq_agent.broker import keys, urls
from rq_agent.broker.keys import TaskId
from rq_agent.broker.record import Record
from rq_agent.broker.submission import Submission, new_task, pack
from rq_agent.broker.tasks import Tasks

from ..integration.worker.lab import Lab, open_lab
from ..leak_check import check_no_leaks
from ..servers import Servers
from . import figures
from .sizes import pick
from .verdict import records_of, settled

LINES: Final = pick(short=12, long=20)
PAUSE_S: Final = 0.1
PROGRAM: Final = """
import os, sys, time
number, lines, pause_s, ledger = sys.argv[1:]
with open(ledger, "a") as file:  # each start is one write
    file.write(number + "\\n")
for line in range(int(lines)):
    print("task", number, "line", line, flush=True)
    time.sleep(float(pause_s))
sys.exit(int(number) % 3)
"""


@pytest.fixture
async def lab(servers: Servers, tmp_path: Path) -> AsyncIterator[Lab]:
    url = urls.of_socket(servers.socket("valkey"))
    async with open_lab(url, f"c{secrets.token_hex(4)}", tmp_path) as lab:
        yield lab
        await check_no_leaks(lab.namespace)


class Workers:
    """`rq-agent work` by name; one that is killed starts again under its name."""

    def __init__(self, lab: Lab, log: Path, starts: Path) -> None:
        self._lab = lab
        self._log = log
        self._starts = starts
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def start(self, name: str) -> None:
        where = {
            "RQ_AGENT_HOME": str(self._lab.home.config.parent),
            "RQ_AGENT_REDIS_URL": self._lab.url,
            "RQ_AGENT_NAMESPACE": self._lab.namespace.name,
        }
        slots = str(pick(short=2, long=4))
        with self._log.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "rq_agent.cli", "work", "--name", name, "--slots", slots],
                env=os.environ | where,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def storm(self, rng: random.Random, *, every_s: float, most: int) -> None:
        """Kill one of them, again and again, while programs run."""
        while self.kills < most:
            await anyio.sleep(every_s)
            name = rng.choice(sorted(self._processes))
            await self._is_in_the_midst()
            self._processes[name].kill()
            self._processes[name].wait()
            self.kills += 1
            self.start(name)

    async def _is_in_the_midst(self) -> None:
        """Wait until more programs have begun than ended."""
        done = keys.done(self._lab.namespace.prefix)
        while len(begun(self._starts)) < await self._lab.namespace.redis.zcard(done):
            await anyio.sleep(0.02)


@pytest.mark.timeout(600)
async def test_programs_outlive_a_storm_of_killed_workers(lab: Lab, tmp_path: Path) -> None:
    count, names = pick(short=4, long=150), pick(short=("w1",), long=("w1", "w2", "w3"))
    every_s, most_kills = pick(short=1.0, long=2.0), pick(short=1, long=1_000)
    starts = tmp_path / "starts"
    await lab.submit("print('the environment is there')")
    await lab.work_once()
    ids = await submitted(lab, count, starts)
    with Workers(lab, tmp_path / "said", starts) as workers:
        for name in names:
            workers.start(name)
        storm = partial(workers.storm, random.Random(11), every_s=every_s, most=most_kills)
        async with anyio.create_task_group() as tg:
            tg.start_soon(storm)
            await settled(lab.namespace, count + 1, deadline_s=pick(short=60, long=400))
            tg.cancel_scope.cancel()
    records = await records_of(lab.namespace, ids)
    outputs = [await lab.output(record.id) for record in records]

    times = Counter(begun(starts))
    assert [n for n in range(count) if times[n] != 1] == []
    assert [n for n in range(count) if end_of(records[n]) != expected_end(n)] == []
    assert [n for n in range(count) if outputs[n] != said(n)] == []
    figures.note(
        "SIGKILL of real workers",
        tasks=count,
        kills=workers.kills,
        lost=sum(not record.is_final for record in records),
        ran_twice=sum(n > 1 for n in times.values()),
        charged=sum(record.lost > 0 for record in records),
        true_exit_codes=len(records),
        whole_outputs=len(outputs),
    )


async def submitted(lab: Lab, count: int, starts: Path) -> list[TaskId]:
    """Enqueue the program so often; it is packed once."""
    target = lab.script(PROGRAM)
    plain = Submission(target=target, workdir=target.parent, user="ada")
    packed = await pack(lab.namespace, plain, progress=lambda text: None)
    tasks = []
    for n in range(count):
        argv = (str(n), str(LINES), str(PAUSE_S), str(starts))
        submission = msgspec.structs.replace(plain, argv=argv)
        tasks.append(new_task(lab.namespace.name, submission, packed.digest, lab.pair))
    await Tasks(lab.namespace).enqueue(tasks, {packed.digest: packed.upload})
    return [task.id for task in tasks]


def begun(starts: Path) -> list[int]:
    """Return the number of each program that has begun, once for each time."""
    return [int(line) for line in starts.read_text().splitlines()] if starts.exists() else []


def said(number: int) -> str:
    return "".join(f"task {number} line {line}\n" for line in range(LINES))


def expected_end(number: int) -> tuple[str, int]:
    code = number % 3
    return ("failed" if code else "succeeded", code)


def end_of(record: Record) -> tuple[str, int | None]:
    return record.state, record.exit_code
