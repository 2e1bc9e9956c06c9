"""How many tasks per second one worker starts and ends, beside the bare interpreter's rate."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
import msgspec

from rq_agent.broker.keys import TaskId
from rq_agent.broker.submission import Submission

from . import bare
from .figure import Effort, Figure, Say, ratios
from .stage import Stage, stage
from .worker import cpu_s, parked, spawned, worker

SCRIPT = "pass\n"


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return rates and CPU times for each number of slots."""
    figures: list[Figure] = []
    for slots in effort.slots:
        say(f"subprocess tasks: {slots} slots")
        rounds = await _rounds(slots, effort.tasks_a_slot * slots, effort.repeats)
        figures += _figures(slots, rounds)
    return figures


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """One repeat. Rates are tasks per second, CPU times ms for each task."""

    tasks_rate: float
    bare_rate: float
    supervisor_ms: float
    launched_ms: float
    """Launcher, shims and the tasks themselves."""
    bare_ms: float


async def _rounds(slots: int, count: int, repeats: int) -> list[_Round]:
    async with stage() as where, worker(where, "--slots", str(slots)) as processes:
        what, first = await where.submission(SCRIPT)
        await where.ended([first], "0-0")
        interpreter = bare.venv(where.home.data.parent / "bare").python
        rounds = []
        for _ in range(repeats):
            before = os.times()
            bare_rate = await anyio.to_thread.run_sync(_bare, interpreter, slots, count)
            after = os.times()
            bare_s = after.children_user + after.children_system
            bare_s -= before.children_user + before.children_system
            used_s = cpu_s(processes.supervisor), cpu_s(processes.launcher)
            tasks_rate = await _tasks(where, what, first, count)
            rounds.append(
                _Round(
                    tasks_rate=tasks_rate,
                    bare_rate=bare_rate,
                    supervisor_ms=(cpu_s(processes.supervisor) - used_s[0]) * 1e3 / count,
                    launched_ms=(cpu_s(processes.launcher) - used_s[1]) * 1e3 / count,
                    bare_ms=bare_s * 1e3 / count,
                )
            )
    return rounds


async def _tasks(where: Stage, what: Submission, like: TaskId, count: int) -> float:
    """Return tasks per second, from the call of enqueue to the last final state seen."""
    tasks = [await where.again(what, like) for _ in range(count)]
    await parked(where)
    after = await where.mark()
    started_s = time.perf_counter()
    await where.tasks.enqueue(tasks, {})
    ended = await where.ended([task.id for task in tasks], after)
    took_s = time.perf_counter() - started_s
    states = {event.fields["state"] for event, _ in ended.values()}
    assert states == {"succeeded"}, states
    return count / took_s


def _bare(interpreter: str, at_once: int, count: int) -> float:
    argv = [interpreter, "-c", "pass"]
    started_s = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _: spawned(argv), range(count)))
    return count / (time.perf_counter() - started_s)


def _figures(slots: int, rounds: list[_Round]) -> list[Figure]:
    def figure(field: str, title: str, unit: str) -> Figure:
        values = tuple(getattr(each, field) for each in rounds)
        id = f"subprocess.{field}.{slots}"
        return Figure(id=id, title=f"{title}, {slots} slots", unit=unit, values=values)

    tasks = figure("tasks_rate", "no-op tasks", "/s")
    plain = figure("bare_rate", "bare python -c pass in a venv, as many at once", "/s")
    return [
        tasks,
        plain,
        ratios(tasks, plain, title=f"no-op tasks / bare python -c pass, {slots} slots"),
        figure("supervisor_ms", "CPU of the supervisor for each task", "ms"),
        figure("launched_ms", "CPU of launcher, shim and task for each task", "ms"),
        figure("bare_ms", "CPU of a bare python -c pass in a venv", "ms"),
    ]
