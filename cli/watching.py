"""The list of tasks, redrawn in place whenever something happened."""

import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

import anyio

from ..broker.errors import UsageError
from ..broker.lookups import Lookups
from . import exits, loop
from .broker_url import reading_url
from .config import Settings
from .connected import connected_twice
from .following import reviver
from .listing import Listed, find, print_tasks
from .news import BLOCK_S, News
from .patience import Patience
from .reading import NOTHING_YET
from .render import task_columns
from .render.screen import Screen
from .render.tables import made
from .render.times import clock

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

    from ..broker.namespace import Namespace
    from ..broker.record import Record

_CLOCK_S: Final = 1.0
"""How often times that go on are redrawn; nothing is read for that."""
_LOOK_EVERY_S: Final = 15.0
"""Events tell; that often it looks all the same."""
_FEWEST_LINES: Final = 4


def check_terminal(screen: Screen) -> None:
    """Raise UsageError unless there is something to redraw."""
    if screen.json:
        raise UsageError("--watch redraws a table; for scripts:  rq-agent events -f --json")
    if not screen.is_live(sys.stdout):
        raise UsageError(
            "--watch redraws a terminal, and stdout is none; follow with:  rq-agent events -f"
        )


def watch(settings: Settings, screen: Screen, listed: Listed, *, every_s: float) -> int:
    """Show tasks until Ctrl-C; leave the last table behind.

    Args:
        settings: of the command.
        screen: whose stdout is a terminal.
        listed: which tasks.
        every_s: look no more often.
    """
    if (url := reading_url(settings)) is None:
        screen.say(NOTHING_YET + "; begin with:  rq-agent run script.py")
        return exits.OK
    watcher = _Watcher(settings, screen, listed, every_s)

    async def go() -> None:
        async with connected_twice(url, settings.namespace, block_s=BLOCK_S) as both:
            await watcher.watch(*both)

    try:
        loop.run(go)
    except KeyboardInterrupt:
        if watcher.records:
            print_tasks(screen, watcher.records, listed)
        screen.say("no longer watching; whatever runs goes on")
    return exits.INTERRUPTED


class _Watcher:
    """Looks when events tell to, and draws."""

    def __init__(self, settings: Settings, screen: Screen, listed: Listed, every_s: float) -> None:
        self._screen = screen
        self._listed = listed
        self._every_s = every_s
        self._revive = reviver(settings)
        self._live: Live | None = None
        self._trouble = ""
        self.records: list[Record] = []

    async def watch(self, namespace: "Namespace", blocking: "Namespace") -> None:
        """Draw for ever."""
        from rich.live import Live

        patiently = Patience(self, revive=self._revive)
        news = News(blocking, patiently)
        await news.start()
        console = self._screen.console(sys.stdout)
        with Live(console=console, screen=True, auto_refresh=False) as self._live:
            while True:
                self.records = await patiently(lambda: find(Lookups(namespace), self._listed))
                looked_at = anyio.current_time()
                await self._until_something_happened(news)
                await anyio.sleep_until(looked_at + self._every_s)

    def away(self, words: str) -> None:
        """Show that what is shown is old."""
        self._trouble = words
        self._draw()

    def back(self, words: str) -> None:
        """Show that it is new again."""
        self._trouble = ""

    async def _until_something_happened(self, news: News) -> None:
        deadline = anyio.current_time() + _LOOK_EVERY_S
        while anyio.current_time() < deadline:
            self._draw()
            if await news.next(_CLOCK_S) or news.has_skipped:
                return

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(self._frame(), refresh=True)

    def _frame(self) -> "Group":
        from rich.console import Group
        from rich.text import Text

        size = shutil.get_terminal_size()
        most = max(size.lines, _FEWEST_LINES) - 3
        now_s, names = time.time(), self._listed.columns
        rows = [task_columns.row(each, names, now_s) for each in self.records[:most]]
        table, _ = made(task_columns.columns_of(names), rows, size.columns)
        hidden = len(self.records) - len(rows)
        below = f"{hidden} more below" if hidden > 0 else ""
        if not self.records:
            below = "no such tasks"
        title = self._trouble or f"{clock(now_s)}  {_summary(self.records)}  Ctrl-C leaves"
        cut = {"no_wrap": True, "overflow": "ellipsis"}
        return Group(
            Text(title, style="yellow" if self._trouble else "dim", **cut),  # type: ignore[arg-type]
            table,
            Text(below, style="dim", **cut),  # type: ignore[arg-type]
        )


def _summary(records: "list[Record]") -> str:
    running = sum(record.state == "running" for record in records)
    return f"{running} running, {len(records) - running} others"
