"""Opens what runs the light tasks of a worker, and what watches its hosts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from ..capacity import Capacity
from ..facts import Facts
from ..held import HeldTasks
from ..patience import one_level_less
from ..tools import Tools
from .lights import Lights, MakeHosts
from .pace import Pace
from .sub_memory import SubMemory


@asynccontextmanager
async def lights_of(
    tools: Tools,
    tasks: HeldTasks,
    capacity: Capacity,
    facts: Facts,
    pace: Pace,
    make_hosts: MakeHosts,
) -> AsyncIterator[Lights]:
    """Let light tasks run as long as the body does. The hosts themselves may outlive it."""
    with one_level_less():
        async with anyio.create_task_group() as group:
            lights = Lights(tools, tasks, capacity, facts, pace, group, make_hosts=make_hosts)
            memory = SubMemory(tasks, every_s=tools.config.beat_ms / 1000)
            facts.sub_memory = lambda: memory.latest
            if tools.config.services:
                group.start_soon(memory.run)
            facts.views = lights.hosts.views
            facts.unshipped_bytes = lambda: lights.outputs.waiting_bytes
            yield lights
            group.cancel_scope.cancel()
