"""Light tasks that write down what they do: coroutines, plain functions, programs; and bad ones."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import anyio
import msgspec

from rq_agent.broker.definition import Function
from rq_agent.broker.keys import TaskId
from rq_agent.broker.submission import Packed, Submission, new_task, pack
from rq_agent.broker.tasks import Tasks

from ..integration.worker.lab import Lab

Kind = Literal["coroutine", "process", "program"]

_LOOK_S: Final = 0.05
_SCRIPT: Final = """
import asyncio, ctypes, os, secrets, sys, time

LEDGER = os.open({ledger!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def put(kind, number, token):
    line = f"{{kind}} {{number}} {{token}} {{os.getpid()}} {{time.monotonic()}}\\n"
    os.write(LEDGER, line.encode())


async def nap(number, seconds):
    token = secrets.token_hex(4)
    put("S", number, token)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        put("C", number, token)
        raise
    put("E", number, token)
    return token


def plain(number, seconds):
    token = secrets.token_hex(4)
    put("S", number, token)
    time.sleep(seconds)
    put("E", number, token)
    return token


async def beats(number):
    token = secrets.token_hex(4)
    put("S", number, token)
    while True:
        put("B", number, token)
        await asyncio.sleep(0.02)


async def bad(number, how):
    token = secrets.token_hex(4)
    put("S", number, token)
    await asyncio.sleep(0.3)
    if how == "exit":
        os._exit(7)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "killed":
        os.kill(os.getpid(), 9)
    elif how == "blocks":
        time.sleep(30)
    elif how == "eats":
        eaten = []
        while True:
            eaten.append(b"x" * 2**22)
            await asyncio.sleep(0)


AT_ONCE = []


async def together(number, count):
    token = secrets.token_hex(4)
    put("S", number, token)
    if not AT_ONCE:
        AT_ONCE.append(asyncio.Event())
    AT_ONCE.append(number)
    if len(AT_ONCE) > count:
        AT_ONCE[0].set()
    await AT_ONCE[0].wait()
    put("E", number, token)
    return token


async def says(number, lines):
    token = secrets.token_hex(4)
    put("S", number, token)
    for n in range(lines):
        print("task", number, "line", n, "." * 900)
        await asyncio.sleep(0.005)
    put("E", number, token)
    return token


if __name__ == "__main__":
    plain(int(sys.argv[1]), float(sys.argv[2]))
"""


class Run(msgspec.Struct):
    """One run of a task."""

    number: int
    token: str
    pid: int
    begun_s: float
    """CLOCK_MONOTONIC."""
    ended_s: float = 0.0
    """0: it did not come to its end."""
    seen_s: float = 0.0
    """When it last showed that it lives."""
    is_cancelled: bool = False


class Calls:
    """Submits them, and reads what they wrote."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        """Where they are sent; another one after the server was away."""
        self._ledger = folder / "runs"
        self._script = lab.script(_SCRIPT.format(ledger=str(self._ledger)))
        self.max_lost = 1_000
        """A storm is no fault of a task."""
        self._packed: dict[str, tuple[Submission, Packed]] = {}
        self.ids: list[TaskId] = []
        """Of the tasks by number."""

    async def submit(
        self, function: str, *arguments: Sequence[Any], kind: Kind = "coroutine", **options: Any
    ) -> list[int]:
        """Enqueue a call for each list of arguments behind the number; return the numbers."""
        plain, packed = await self._pack(function, kind)
        first = len(self.ids)
        tasks = []
        for number, those in enumerate(arguments, first):
            given = [number, *those]
            how = {"argv": tuple(map(str, given))} if kind == "program" else {"call": _call(given)}
            submission = msgspec.structs.replace(plain, **how, **options)
            task = new_task(self.lab.namespace.name, submission, packed.digest, self.lab.pair)
            tasks.append(msgspec.structs.replace(task, max_lost=self.max_lost))
        self.ids += [task.id for task in tasks]
        for n in range(0, len(tasks), 200):
            await Tasks(self.lab.namespace).enqueue(
                tasks[n : n + 200], {packed.digest: packed.upload}
            )
        return list(range(first, len(self.ids)))

    async def _pack(self, function: str, kind: Kind) -> tuple[Submission, Packed]:
        if function not in self._packed:
            plain = Submission(
                target=self._script,
                workdir=self._script.parent,
                user="ada",
                function=None if kind == "program" else Function(name=function, kind=kind),
                light=True,
            )
            packed = await pack(self.lab.namespace, plain, progress=lambda text: None)
            self._packed[function] = plain, packed
        return self._packed[function]

    async def begun_times(self, numbers: Sequence[int], times: int) -> None:
        """Wait until each of these tasks has begun so many times."""
        with anyio.fail_after(60):
            while True:
                found = Counter(run.number for run in self.runs())
                if all(found[number] >= times for number in numbers):
                    return
                await anyio.sleep(_LOOK_S)

    def runs(self) -> list[Run]:
        """Return all runs so far, in the order in which they began."""
        found: dict[str, Run] = {}
        text = self._ledger.read_text() if self._ledger.exists() else ""
        for line in text.splitlines():
            kind, number, token, pid, at_s = line.split()
            if kind == "S":
                found[token] = Run(int(number), token, int(pid), float(at_s))
            run = found[token]
            run.seen_s = float(at_s)
            run.is_cancelled |= kind == "C"
            if kind == "E":
                run.ended_s = float(at_s)
        return list(found.values())

    async def begun(self, count: int, *, deadline_s: float = 60.0) -> None:
        """Wait until so many tasks have begun at least once."""
        with anyio.fail_after(deadline_s):
            while len({run.number for run in self.runs()}) < count:
                await anyio.sleep(_LOOK_S)


def going(runs: Iterable[Run]) -> Mapping[int, list[Run]]:
    """Return the runs that have not ended, by process; not all of these live. Pure."""
    found: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        if not run.ended_s and not run.is_cancelled:
            found[run.pid].append(run)
    return found


def run_twice(runs: Iterable[Run]) -> int:
    """Return how many runs there were beyond the first of each task. Pure."""
    times = Counter(run.number for run in runs)
    return sum(times.values()) - len(times)


def two_at_once(runs: Iterable[Run]) -> list[int]:
    """Return the tasks of which one run still showed life when the next one had begun. Pure."""
    last: dict[int, Run] = {}
    found = []
    for run in sorted(runs, key=lambda run: run.begun_s):
        before = last.get(run.number)
        if before is not None and before.seen_s > run.begun_s:
            found.append(run.number)
        last[run.number] = run
    return found


def _call(arguments: Sequence[Any]) -> str:
    return json.dumps([arguments, {}])
