"""What a worker costs while it has nothing to do."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio
import msgspec
import psutil

from rq_agent.broker import keys

from .figure import Effort, Figure, Say
from .stage import Stage, stage
from .worker import Processes, cpu_s, worker

_MIB: Final = 1024 * 1024
_SETTLE_S: Final = 2.0
"""The first seconds hold the start itself."""
_ROLES: Final = {"ticker": "the worker that ticks", "other": "a worker that does not tick"}


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return commands, CPU and memory of two idle workers, of which one ticks."""
    async with stage() as where, worker(where, name="w1") as one, worker(where, name="w2") as two:
        say(f"idle workers: {effort.idle_s:g} s")
        return await _watch(where, {"w1": one, "w2": two}, effort.idle_s)


async def _watch(where: Stage, workers: Mapping[str, Processes], for_s: float) -> list[Figure]:
    await anyio.sleep(_SETTLE_S)
    used_s = {name: _cpu_s(each) for name, each in workers.items()}
    executed = await _executed(where)
    sent = await _sent(where, tuple(workers), for_s)
    executed = await _executed(where) - executed
    ticker = await _ticker(where)
    figures = []
    for name, each in workers.items():
        role = "ticker" if name == ticker else "other"
        commands = sent[name] + (sent[""] if name == ticker else 0)
        cpu = (_cpu_s(each) - used_s[name]) * 100
        figures += [
            _figure("commands", f"commands sent to Redis, {_ROLES[role]}", "/s", commands / for_s),
            _figure("cpu", f"CPU, {_ROLES[role]}", "%", cpu / for_s),
            *_memory(each, _ROLES[role]),
        ]
        figures[-4:] = [msgspec.structs.replace(f, id=f"{f.id}.{role}") for f in figures[-4:]]
    title = "commands that Redis executed for both, also inside scripts"
    return [*figures, _figure("executed", title, "/s", executed / for_s)]


async def _sent(where: Stage, names: Sequence[str], for_s: float) -> Counter[str]:
    """Return how many commands each worker sent; under "" those that name no worker: ticks.

    The counters of Redis do not tell the commands of clients from those inside scripts.
    """
    sent: Counter[str] = Counter()
    async with where.blocking.redis.monitor() as monitor:
        with anyio.move_on_after(for_s):
            async for line in monitor.listen():
                if line["client_type"] != "lua":
                    words = re.split(r"[ :]", line["command"])
                    sent[next((name for name in names if name in words), "")] += 1
    return sent


async def _executed(where: Stage) -> int:
    stats: Any = await where.namespace.redis.info("stats")
    return int(stats["total_commands_processed"])


async def _ticker(where: Stage) -> str:
    found = await where.namespace.redis.hget(keys.globals_(where.namespace.prefix), "ticker")
    assert isinstance(found, bytes)
    return found.decode()


def _cpu_s(processes: Processes) -> float:
    return cpu_s(processes.supervisor) + cpu_s(processes.launcher)


def _memory(processes: Processes, role: str) -> list[Figure]:
    supervisor = psutil.Process(processes.supervisor).memory_full_info()
    launcher = psutil.Process(processes.launcher).memory_full_info()
    parts = f"supervisor {supervisor.rss / _MIB:.1f}, launcher {launcher.rss / _MIB:.1f}"
    rss, pss = supervisor.rss + launcher.rss, supervisor.pss + launcher.pss
    return [
        _figure("rss", f"RSS of supervisor and launcher, {role}", "MiB", rss / _MIB, parts),
        _figure("pss", f"the same without counting shared pages twice, {role}", "MiB", pss / _MIB),
    ]


def _figure(id: str, title: str, unit: str, value: float, note: str = "") -> Figure:
    return Figure(id=f"idle.{id}", title=title, unit=unit, values=(value,), note=note)
