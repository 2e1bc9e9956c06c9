"""What waiting tasks take in Redis."""

from typing import Any, Final

from .batch import BATCH, signed, stored_definition, unsigned
from .figure import Effort, Figure, Say
from .stage import Stage, stage

_CHUNK: Final = 2_000
_PER: Final = 100_000
_MIB: Final = 1024 * 1024
_KINDS: Final = {"batch-signed": BATCH, "singly-signed": 1}


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return MiB for each 100 000 waiting tasks with 200 bytes of arguments."""
    figures = []
    for kind, a_signature in _KINDS.items():
        say(f"memory: {effort.memory_tasks} waiting tasks, {kind}")
        async with stage("no AOF") as where:
            used = await _growth(where, effort.memory_tasks, a_signature)
        figures.append(
            Figure(
                id=f"memory.{kind}",
                title=f"memory of 100 000 waiting tasks, 200 B of arguments, {kind}",
                unit="MiB",
                values=(used / effort.memory_tasks * _PER / _MIB,),
                note=f"{used / effort.memory_tasks:.0f} B each, of {effort.memory_tasks} tasks",
            )
        )
    return figures


async def _growth(where: Stage, count: int, a_signature: int) -> int:
    """Return by how many bytes the tasks make used_memory larger."""
    digest, upload = stored_definition()
    [first] = signed(unsigned(where, 1, digest), where.pair, a_signature=1)
    await where.tasks.enqueue([first], {digest: upload})
    before = await _used_bytes(where)
    for _ in range(0, count, _CHUNK):
        tasks = unsigned(where, _CHUNK, digest)
        await where.tasks.enqueue(signed(tasks, where.pair, a_signature=a_signature), {})
    return await _used_bytes(where) - before


async def _used_bytes(where: Stage) -> int:
    found: Any = await where.namespace.redis.info("memory")
    # The replies and queries of the moment are not the tasks'.
    return int(found["used_memory"]) - int(found["mem_clients_normal"])
