"""A task that must not run, and a worker that must go on."""

from rq_agent.broker.keys import TaskId
from rq_agent.broker.record import Record

from .lab import Lab


class Victim:
    """A task whose run would leave a mark."""

    def __init__(self, lab: Lab) -> None:
        self.mark = lab.folder / "it-ran"
        self.script = f"open({str(self.mark)!r}, 'w').close()"

    @property
    def ran(self) -> bool:
        return self.mark.exists()


async def outcome(lab: Lab, bad: TaskId, *, good: TaskId | None = None) -> Record:
    """Let one worker have the bad task, then a good one; return what became of the bad one."""
    good = good or await lab.submit("print('still here')")
    async with lab.worker(queues=("secret", "default")):
        [last] = await lab.ended(good)
    assert last.state == "succeeded"
    return await lab.record(bad)
