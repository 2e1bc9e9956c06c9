"""Real programs that print while Redis is away, and what must be known of them afterwards."""

from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.record import Record
from rq_agent.worker.process.wait import read_exit
from tests.looking import look_again

from ..integration.worker.lab import Lab

_TALKER: Final = """
import sys, time
until, pause_s, code = time.time() + float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
print("begin", flush=True)
line = 0
while time.time() < until:
    print("line", line, flush=True)
    line += 1
    time.sleep(pause_s)
print("end", line)
sys.exit(code)
"""
_WAIT_S: Final = 120.0


class Talkers:
    """Tasks that print a line each `pause_s`; number n ends with code n modulo 3."""

    def __init__(self, lab: Lab, *, pause_s: float = 0.05) -> None:
        self._pause_s = pause_s
        self._script = lab.script(_TALKER)
        self.ids: list[TaskId] = []

    async def start(self, lab: Lab, lives_s: list[float]) -> None:
        """Submit one for each of these lives; return when all of them print."""
        for number, life_s in enumerate(lives_s):
            argv = (str(life_s), str(self._pause_s), str(number % 3))
            self.ids.append(await lab.submit(self._script, argv=argv))
        for task_id in self.ids:
            await lab.reached(task_id, "phase", phase="running")
            await lab.printed(task_id, "begin")

    async def verdict(self, lab: Lab) -> tuple[list[Record], int]:
        """Return the records of all when they are final, and how many bytes of output are lost."""
        records = await ended(lab, self.ids)
        lost_bytes = 0
        for record in records:
            said = (lab.run_folder(record.id) / "out").read_text()
            told = await whole_output(lab, record.id, len(said))
            assert said.endswith(f"end {said.count('line')}\n"), "the program itself was cut short"
            assert said.endswith(told[-100:]), f"task {record.id}: out of order"
            lost_bytes += len(said) - len(told)
        return records, lost_bytes


async def ended(lab: Lab, ids: list[TaskId]) -> list[Record]:
    """Return the records when all are final: looked at, since events may be lost too."""
    with anyio.fail_after(_WAIT_S):
        while True:
            records = await Lookups(lab.namespace).records(ids)
            if len(records) == len(ids) and all(record.is_final for record in records):
                return records
            await look_again()


async def whole_output(lab: Lab, task_id: TaskId, length: int) -> str:
    """Return the output once redis has so much; what was lost may come after the end."""
    with anyio.move_on_after(10):
        while len(told := await lab.output(task_id)) < length:
            await look_again()
    return told


def ended_at_s(folder: Path) -> float:
    """Return when a program ended, on the clock of this machine."""
    found = read_exit(folder)
    assert found is not None
    assert found.ended_at is not None
    return found.ended_at
