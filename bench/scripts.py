"""How long one call of each script keeps the server busy, with few and with many waiting tasks."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from .backlog import Backlog, Verb
from .changes import CHANGES
from .figure import Effort, Figure, Say, p50_p99
from .stage import stage
from .verbs import VERBS as WORK

VERBS: Final[Mapping[str, Verb]] = {**WORK, **CHANGES}
_GB: Final = 1e9
_MILLION: Final = 1_000_000
_WIDE: Final = {"claim-wide.1": "claim.1", "claim-wide.200": "claim.200"}
"""Claims over many queues and shapes, and what they are compared with."""

_Found = Mapping[str, Figure]
"""By the name of the verb."""


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return the server times of all verbs at each size of the backlog, on one server."""
    found: list[_Found] = []
    async with stage("no AOF") as where:
        backlog = Backlog(where)
        await backlog.spread()
        for size in effort.backlogs:
            say(f"scripts: {size} waiting tasks")
            before = await _used_bytes(backlog)
            added = await backlog.fill(size)
            memory = _memory(await _used_bytes(backlog) - before, added)
            found.append({name: await _figure(backlog, name, size, effort) for name in VERBS})
    few, *_, many = found
    return [
        *(figure for name in VERBS for figure in (few[name], _compared(many[name], few[name]))),
        *_wide(many),
        memory,
    ]


async def _figure(backlog: Backlog, name: str, size: int, effort: Effort) -> Figure:
    verb = VERBS[name]
    samples = []
    for _ in range(effort.calls + 1):
        async with verb.prepared(backlog) as call:
            samples.append(await backlog.server_us(call))
    del samples[0]  # it may have sent the script
    _, p99 = p50_p99(samples)
    return Figure(
        id=f"scripts.{name}.{size}",
        title=f"{verb.title}; {size:,} wait",
        unit="us",
        values=tuple(samples),
        note=f"p99 {p99:,.0f} us",
    )


def _compared(many: Figure, few: Figure) -> Figure:
    note = f"{many.note}; {many.median / few.median:.2f}x"
    return msgspec.structs.replace(many, note=note)


def _wide(found: _Found) -> list[Figure]:
    return [
        Figure(
            id=f"scripts.{wide}.ratio",
            title=f"{VERBS[wide].title} / one queue, one shape",
            unit="x",
            values=(found[wide].median / found[one].median,),
        )
        for wide, one in _WIDE.items()
    ]


def _memory(used_bytes: int, tasks: int) -> Figure:
    return Figure(
        id="scripts.memory",
        title="memory of 1,000,000 waiting tasks, 200 B of arguments",
        unit="GB",
        values=(used_bytes / tasks * _MILLION / _GB,),
        note=f"{used_bytes / tasks:.0f} B each, of {tasks:,} tasks",
    )


async def _used_bytes(backlog: Backlog) -> int:
    told: Any = await backlog.namespace.redis.info("memory")
    # The replies and queries of the moment are not the tasks'.
    return int(told["used_memory"]) - int(told["mem_clients_normal"])
