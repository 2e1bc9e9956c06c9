"""From `enqueue` to the first line of a script, and from its last line to its final state."""

import subprocess
import time
from pathlib import Path
from typing import Final

import anyio.to_thread
import msgspec

from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import Logs
from rq_agent.broker.submission import Submission

from . import bare
from .figure import Effort, Figure, Say, p50_p99, ratios
from .stage import Stage, stage
from .worker import parked, worker

SCRIPT: Final = """\
import time
print(time.time_ns())
print(time.time_ns())
"""
_WARM_UP: Final = 3


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One task and, beside it, one bare run of the same script. All in ms."""

    sent_to_first: float
    """From the call of enqueue to the script's first line."""
    bare_to_first: float
    last_to_final: float
    """From the script's last line to the final state on the clock of Redis, which has whole ms."""
    last_to_seen: float
    """The same, until another client saw the event."""
    last_to_bare_exit: float


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return p50 and p99 of each repeat."""
    rounds: list[list[Sample]] = []
    async with stage() as where, worker(where):
        what, first = await where.submission(SCRIPT)
        await where.ended([first], "0-0")
        plain = bare.venv(where.home.data.parent / "bare")
        for number in range(effort.repeats):
            say(f"latency: {effort.latency_tasks} tasks, round {number + 1}")
            for _ in range(_WARM_UP):
                await _sample(where, what, first, plain)
            rounds.append(
                [await _sample(where, what, first, plain) for _ in range(effort.latency_tasks)]
            )
    return _figures(rounds)


async def _sample(where: Stage, what: Submission, like: TaskId, plain: bare.Venv) -> Sample:
    bare_ms, bare_exit_ms = await anyio.to_thread.run_sync(_bare, plain, what.target)
    task = await where.again(what, like)
    await parked(where)
    after = await where.mark()
    sent_ns = time.time_ns()
    await where.tasks.enqueue([task], {})
    event, seen_ns = (await where.ended([task.id], after))[task.id]
    first_ns, last_ns = await _printed(where, task.id)
    return Sample(
        sent_to_first=(first_ns - sent_ns) / 1e6,
        bare_to_first=bare_ms,
        last_to_final=event.at * 1e3 - last_ns / 1e6,
        last_to_seen=(seen_ns - last_ns) / 1e6,
        last_to_bare_exit=bare_exit_ms,
    )


async def _printed(where: Stage, task_id: TaskId) -> tuple[int, int]:
    entries, _ = await Logs(where.namespace).read(task_id, 1)
    first, last = b"".join(e.data for e in entries if e.stream == "out").split()
    return int(first), int(last)


def _bare(plain: bare.Venv, script: Path) -> tuple[float, float]:
    """Return spawn to first line, and last line to the exit being known, ms."""
    asked_ns = time.time_ns()
    ran = subprocess.run([plain.python, str(script)], check=True, stdout=subprocess.PIPE)
    known_ns = time.time_ns()
    first, last = ran.stdout.split()
    return (int(first) - asked_ns) / 1e6, (known_ns - int(last)) / 1e6


def _figures(rounds: list[list[Sample]]) -> list[Figure]:
    titles = {
        "sent_to_first": "enqueue sent -> first line",
        "bare_to_first": "bare python script.py in a venv, spawn -> first line",
        "last_to_final": "script's last line -> final state in Redis",
        "last_to_seen": "script's last line -> another client saw the event",
        "last_to_bare_exit": "bare: script's last line -> exit known",
    }
    figures = []
    for field, title in titles.items():
        points = [p50_p99([getattr(sample, field) for sample in each]) for each in rounds]
        for place, name in enumerate(("p50", "p99")):
            values = tuple(point[place] for point in points)
            id = f"latency.{field}.{name}"
            figures.append(Figure(id=id, title=f"{title}, {name}", unit="ms", values=values))
    by_id = {figure.id: figure for figure in figures}
    ours, plain = by_id["latency.sent_to_first.p50"], by_id["latency.bare_to_first.p50"]
    return [*figures, ratios(ours, plain, title="enqueue sent -> first line / bare, p50")]
