"""One task as the archive gives it back: the same words as a live one. Pure."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from ..decoding import text
from ..history import Step
from ..history import parse as parse_step
from ..keys import TaskId
from ..logs import Cursor, LogEntry
from ..needs import Need
from ..record import Record, parse
from .copies import TaskCopy


class ArchivedTask:
    """A task that may be gone from Redis."""

    def __init__(self, copy: TaskCopy) -> None:
        self.copy = copy
        self.id = TaskId(copy.id)

    @property
    def record(self) -> Record:
        """Return what `show` and lists show."""
        shape = text(self.copy.task.get(b"shape", b""))
        needs: dict[str, Need] = {}
        with suppress(msgspec.DecodeError):  # reads as "needs nothing": shown, never obeyed
            needs[shape] = msgspec.json.decode(self.copy.need or b"{}", type=Need)
        return parse(self.id, self.copy.task, self.copy.extra, needs)

    @property
    def history(self) -> list[Step]:
        """Return its last steps, oldest first."""
        return [step for line in self.copy.history if (step := parse_step(line)) is not None]

    @property
    def fences(self) -> Sequence[int]:
        """Return the claims whose logs are kept, newest first."""
        return sorted(self.copy.logs, reverse=True)

    def log(self, fence: int) -> list[LogEntry]:
        """Return the output of one attempt, oldest first; none if it is not kept."""
        cursor = Cursor.parse("0")
        return [cursor.advance(entry) for entry in self.copy.logs.get(fence, [])]
