"""Reads the log of a task for `logs`."""

from typing import TYPE_CHECKING, Final

from ..broker import streams
from ..broker.errors import NothingSelected, TaskNotFound, UsageError
from ..broker.logs import Cursor, Logs
from ..broker.lookups import Lookups
from . import loop
from .config import Settings
from .connected import connected_twice
from .follow import BLOCK_S
from .following import follower, say_detached
from .reading import resolve, url_of_tasks
from .render.log_view import LogView, last_lines
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.logs import LogEntry
    from ..broker.namespace import Namespace

_STREAMS: Final = {"": (), "all": (), "out": ("out",), "err": ("err",), "sys": ("sys",)}


def streams_of(name: str) -> tuple[str, ...]:
    """Return the streams of `--stream`; none for the default.

    Raises:
        UsageError: there is no such stream.
    """
    if name not in _STREAMS:
        raise UsageError(f"--stream {name}: say out, err or sys")
    return _STREAMS[name]


def print_log(
    settings: Settings,
    screen: Screen,
    view: LogView,
    selector: str,
    *,
    tail: int | None,
    stays: bool,
) -> int:
    """Print the log of the newest attempt; with `stays` go on until the task ends."""
    url = url_of_tasks(settings)
    found: list[TaskId] = []

    async def go() -> None:
        both = connected_twice(url, settings.namespace, block_s=BLOCK_S)
        async with both as (namespace, blocking):
            try:
                found.extend(await resolve(namespace, [selector]))
                [task_id] = found
                start = await _print_present(namespace, view, task_id, tail)
            except (NothingSelected, TaskNotFound):
                if not await _print_archived(settings, screen, view, selector, tail):
                    raise
                return
            if start is None:  # it ended, and there is no log in Redis, or no more
                await _print_archived(settings, screen, view, task_id, tail)
                return
            if stays:
                await follower(namespace, blocking, view, settings).follow(task_id, start=start)

    try:
        loop.run(go)
    except KeyboardInterrupt:
        return say_detached(found[0] if found else None, screen)
    finally:
        view.close()
    return 0


async def _print_present(
    namespace: "Namespace", view: LogView, task_id: "TaskId", tail: int | None
) -> tuple[int, str] | None:
    """Print what is there; return the claim whose log it is, and where it ended.

    None: the task is final, and nothing is there.
    """
    record = await Lookups(namespace).record(task_id)
    view.state(record)
    entries: list[LogEntry] = []
    after = "0"
    logs = Logs(namespace)
    while record.fence:
        some, after = await logs.read(task_id, record.fence, after)
        if not some:
            break
        entries += [entry for entry in some if view.wants(entry)]
        if tail is None:
            _print(view, entries)
            entries.clear()
    if tail is not None:
        _print(view, last_lines(entries, tail))
    is_nothing = Cursor.parse(after).last == streams.START
    return None if record.is_final and is_nothing else (record.fence, after)


async def _print_archived(
    settings: Settings, screen: Screen, view: LogView, selector: str, tail: int | None
) -> bool:
    """Print the log of the newest attempt that the archive has; return whether it has the task."""
    from .archived import find_archived  # only where it is needed

    task = await find_archived(settings, selector, warn=screen.warn)
    if task is None:
        return False
    view.state(task.record)
    entries = [entry for fence in task.fences[:1] for entry in task.log(fence)]
    wanted = [entry for entry in entries if view.wants(entry)]
    _print(view, wanted if tail is None else last_lines(wanted, tail))
    return True


def _print(view: LogView, entries: "list[LogEntry]") -> None:
    for entry in entries:
        view.output(entry)
