"""Many light workers in one process, each with its own connections: `python -m tests.chaos.many`.

Reads what each of them is, one line of JSON for each, until its stdin ends; works until killed.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
import msgspec

from rq_agent.worker.process.prctl import die_with_parent

from .ledger import Pen
from .light import Light, work

_ROOT: Final = Path(__file__).parents[2]


@contextmanager
def many(lights: Sequence[Light], *, processes: int) -> Iterator[None]:
    """Run workers in a few processes while the body runs."""
    started = []
    try:
        for n in range(processes):
            told = b"\n".join(msgspec.json.encode(light) for light in lights[n::processes])
            command = [sys.executable, "-m", "tests.chaos.many"]
            process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE)
            started.append(process)
            assert process.stdin is not None
            process.stdin.write(told)
            process.stdin.close()
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


async def _work(lights: Sequence[Light]) -> None:
    """Begin one after the other within one beat: a thousand machines don't beat at once."""
    async with anyio.create_task_group() as tg:
        for light in lights:
            tg.start_soon(work, light, Pen(Path(light.ledger), worker=light.name))
            await anyio.sleep(light.beat_ms / 1000 / len(lights))


if __name__ == "__main__":
    die_with_parent()
    read = [msgspec.json.decode(line, type=Light) for line in sys.stdin.buffer]
    anyio.run(_work, read, backend_options={"use_uvloop": True})
