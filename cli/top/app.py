"""The view of `top`: workers, queues, tasks, and the log of the one that is chosen."""

import time
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.widgets import DataTable, Footer, Input, Static

from ...broker.errors import RqAgentError
from ...broker.tasks import Tasks
from ..following import reviver
from ..news import News
from ..patience import Patience
from . import rows
from .dialogs import Help, Question, WholeLog
from .log_tail import LogTail
from .table import Table
from .view import View, read

if TYPE_CHECKING:
    from ...broker.namespace import Namespace
    from ...broker.record import Record
    from ..config import Settings

_CLOCK_S: Final = 1.0
_LOOK_EVERY_S: Final = 5.0
"""Beats of workers and times of queues send no event."""
_NARROW: Final = 90
_NO_VIEW: Final = View(workers=[], queues=[], tasks=[])


class Top(App[None]):
    """Reads when events tell to; changes nothing but what it was told to cancel."""

    TITLE = "rq-agent top"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "top.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", "quit", priority=False),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("enter", "log", "log"),
        Binding("c", "cancel", "cancel"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("escape", "unfilter", "all", show=False),
    ]

    def __init__(self, namespace: "Namespace", blocking: "Namespace", settings: "Settings") -> None:
        super().__init__()
        self._namespace = namespace
        self._blocking = blocking
        self._patiently = Patience(self, revive=reviver(settings))
        self._news = News(blocking, self._patiently)
        self._view = _NO_VIEW
        self._worker_table = Table(rows.WORKERS, id="workers")
        self._queue_table = Table(rows.QUEUES, id="queues")
        self._task_table = Table(rows.TASKS, id="tasks")
        self._filter = Input(placeholder="words of id, name, state, queue, worker, user, label")
        self._log_tail = LogTail(blocking, self._patiently, id="log")
        self._trouble = Static("", id="trouble", markup=False)

    def compose(self) -> ComposeResult:
        """Make the panes."""
        yield self._trouble
        yield Horizontal(self._worker_table, self._queue_table, id="above")
        yield self._filter
        yield self._task_table
        yield self._log_tail
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self._filter.display = False
        self._trouble.display = False
        for table, title in (
            (self._worker_table, "workers"),
            (self._queue_table, "queues"),
            (self._task_table, "tasks"),
        ):
            table.border_title = title
        self._task_table.focus()
        self.set_interval(_CLOCK_S, self._draw)
        self._watch()

    def on_resize(self, event: Resize) -> None:
        """Leave the queues out where it is narrow."""
        self._queue_table.display = event.size.width >= _NARROW

    def away(self, words: str) -> None:
        """Say that what is shown is old."""
        self._trouble.update(words)
        self._trouble.display = True

    def back(self, words: str) -> None:
        """Say nothing any more."""
        self._trouble.display = False

    def action_filter(self) -> None:
        """Ask for words."""
        self._filter.display = True
        self._filter.focus()

    def action_unfilter(self) -> None:
        """Show all tasks."""
        self._filter.value = ""
        self._filter.display = False
        self._task_table.focus()

    def action_help(self) -> None:
        """Tell the keys."""
        self.push_screen(Help())

    def action_log(self) -> None:
        """Show the whole log of the chosen task."""
        if (task := self._chosen()) is not None:
            self.push_screen(WholeLog(task, self._blocking, self._patiently))

    @work
    async def action_cancel(self) -> None:
        """Cancel the chosen task, after asking."""
        if (task := self._chosen()) is None:
            return
        if task.is_final:
            self.notify(f"{task.id} has ended")
        elif await self.push_screen_wait(Question(task)):
            try:
                outcome = await Tasks(self._namespace).cancel(task.id)
            except RqAgentError as e:
                self.notify(str(e), severity="error", markup=False)
                return
            self.notify(f"{task.id}: {outcome}")

    def on_input_changed(self) -> None:
        """Show what the words are found in."""
        self._draw()

    def on_input_submitted(self) -> None:
        """Go on with the arrows."""
        self._filter.display = bool(self._filter.value)
        self._task_table.focus()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show the log of another task."""
        if event.data_table is self._task_table:
            self._log_tail.show(self._chosen())

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter was pressed on a row."""
        if event.data_table is self._task_table:
            self.action_log()

    @work(exclusive=True, group="watch")
    async def _watch(self) -> None:
        await self._news.start()
        while True:
            self._view = await self._patiently(lambda: read(self._namespace))
            self._draw()
            await self._news.next(_LOOK_EVERY_S)

    def _draw(self) -> None:
        self._worker_table.fill(rows.worker_rows(self._view))
        self._queue_table.fill(rows.queue_rows(self._view))
        self._task_table.fill(rows.task_rows(self._view, self._filter.value, time.time()))
        self._log_tail.show(self._chosen())

    def _chosen(self) -> "Record | None":
        """Return the task under the cursor."""
        chosen = self._task_table.selected
        return next((task for task in self._view.tasks if task.id == chosen), None)
