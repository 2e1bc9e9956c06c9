"""The end of a task's log, going on as it does."""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio
from rich.text import Text
from textual import work
from textual.widgets import RichLog

from ...broker.errors import TaskNotFound
from ...broker.logs import Logs
from ...broker.lookups import Lookups
from ..patience import Patience
from ..render.escapes import EscapeFilter
from ..render.log_view import last_lines
from ..render.why_text import lines_of

if TYPE_CHECKING:
    from ...broker.logs import LogEntry
    from ...broker.namespace import Namespace
    from ...broker.record import Record

_LINES: Final = 500
_BLOCK_MS: Final = 1_000
_SLOW_S: Final = 1.0
_NOTHING: "Final[list[LogEntry]]" = []


class LogTail(RichLog):
    """Shows one task at a time."""

    def __init__(self, blocking: "Namespace", patiently: Patience, *, id: str) -> None:
        super().__init__(id=id, max_lines=5_000, wrap=True, min_width=1)
        self._logs = Logs(blocking)
        self._lookups = Lookups(blocking)
        self._patiently = patiently
        self._shown: tuple[str, int, str] | None = None
        self._filter = EscapeFilter()
        self._partial = b""

    def show(self, task: "Record | None") -> None:
        """Show the log of a task, from now on; None: nothing."""
        shown = (task.id, task.fence, "" if task.fence else task.state) if task else None
        if shown == self._shown:
            return
        self._shown = shown
        self._filter, self._partial = EscapeFilter(), b""
        self.clear()
        self.border_title = f"log of {task.id}" if task else "log"
        if task is None:
            self.workers.cancel_node(self)
        elif task.fence:
            self._follow(task)
        else:
            self._explain(task)

    @work(exclusive=True)
    async def _explain(self, task: "Record") -> None:
        """Say why there is no log yet."""
        with suppress(TaskNotFound):  # it was purged just now
            why = await self._patiently(lambda: self._lookups.why(task.id))
            for line in lines_of(why):
                self.write(Text(line, style="dim"))

    @work(exclusive=True)
    async def _follow(self, task: "Record") -> None:
        after, kept = "0", _NOTHING
        while True:
            start = after
            some, after = await self._patiently(
                lambda start=start: self._logs.read(task.id, task.fence, start)  # type: ignore[misc]
            )
            kept = last_lines([*kept, *some], _LINES)
            if not some:
                break
        if not kept:
            self.write(Text("no output yet, or its log is in the archive", style="dim"))
        while True:
            for entry in kept:
                self._take(entry.data)
            start = after
            kept, after = await self._patiently(
                lambda start=start: self._logs.read(  # type: ignore[misc]
                    task.id, task.fence, start, block_ms=_BLOCK_MS
                )
            )
            if not kept and task.is_final:
                await anyio.sleep(_SLOW_S)

    def _take(self, data: bytes) -> None:
        """Write the lines that are whole."""
        *lines, self._partial = (self._partial + self._filter.feed(data)).split(b"\n")
        for line in lines:
            text = line.rstrip(b"\r").rpartition(b"\r")[2]  # of a progress bar its last picture
            self.write(Text.from_ansi(text.decode("utf-8", "replace")))
