"""Reads the log of a task for `logs`."""

from typing import TYPE_CHECKING, Final

from ..broker.errors import UsageError
from ..broker.logs import Logs
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
            found.extend(await resolve(namespace, [selector]))
            [task_id] = found
            start = await _print_present(namespace, view, task_id, tail)
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
) -> tuple[int, str]:
    """Print what is there; return the claim whose log it is, and where it ended."""
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
    return record.fence, after


def _print(view: LogView, entries: "list[LogEntry]") -> None:
    for entry in entries:
        view.output(entry)
