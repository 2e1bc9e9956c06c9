"""The tables of `top`. Pure."""

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from ...broker.presence import WorkerView
from ...broker.queues import QueueView
from ...broker.record import Record
from ..render import words
from ..render.screen import printable
from ..render.task_columns import lasted_s
from ..render.times import length
from .view import View

WORKERS: Final = ("WORKER", "STATE", "SLOTS", "GPUS", "QUEUES")
QUEUES: Final = ("QUEUE", "WAIT", "RUN", "OLDEST", "")
TASKS: Final = ("ID", "NAME", "STATE", "QUEUE", "WORKER", "USER", "TIME")

Row = tuple[str, Sequence[str | Text]]
"""A key, and the cells."""

_BAR: Final = 8
_STYLES: Final = {"busy": "cyan", "draining": "yellow", "paused": "yellow"}


def worker_rows(view: View) -> list[Row]:
    """Return a row for each worker."""
    return [_worker(view, worker) for worker in view.workers]


def queue_rows(view: View) -> list[Row]:
    """Return a row for each queue, the fullest first."""
    fullest = sorted(view.queues, key=lambda queue: (-queue.waiting, queue.name))
    return [_queue(queue) for queue in fullest]


def task_rows(view: View, wanted: str, now_s: float) -> list[Row]:
    """Return a row for each task that a text is found in."""
    return [_task(task, now_s) for task in view.tasks if matches(task, wanted)]


def matches(task: Record, wanted: str) -> bool:
    """Return whether each word of a text is found in a task."""
    labels = " ".join(f"{name}={value}" for name, value in task.labels.items())
    told = (task.id, task.name, task.state, task.queue, task.worker or "", task.user, labels)
    whole = " ".join(told).lower()
    return all(word in whole for word in wanted.lower().split())


def bar(used: int, total: int | None, *, most: int = _BAR) -> str:
    """Return `##-- 2/4`; nothing where there is none, and only numbers where they are many."""
    if not total:
        return str(used) if used else ""
    if total > most:
        filled = min(most, -(-most * used // total))
        return f"{'#' * filled}{'-' * (most - filled)} {used}/{total}"
    return f"{'#' * min(used, total)}{'-' * max(0, total - used)} {used}/{total}"


def _worker(view: View, worker: WorkerView) -> Row:
    return worker.name, (
        _plain(worker.name),
        Text(worker.state, style=_STYLES.get(worker.state, "")),
        bar(view.on_slots(worker), worker.places),
        bar(view.gpus_in_use(worker), len(worker.gpus)),
        _plain(", ".join(worker.queues)),
    )


def _queue(queue: QueueView) -> Row:
    oldest = "" if queue.oldest_wait_s is None else length(queue.oldest_wait_s)
    return queue.name, (
        _plain(queue.name),
        Text(str(queue.waiting), justify="right"),
        Text(str(queue.running), justify="right"),
        Text(oldest, justify="right"),
        Text("paused" if queue.paused else "", style="yellow"),
    )


def _task(task: Record, now_s: float) -> Row:
    seconds = lasted_s(task, now_s)
    return task.id, (
        _plain(task.id),
        _plain(task.name[:40]),
        Text(words.short_state(task), style=words.STYLES.get(task.state, "")),
        _plain(task.queue),
        _plain(task.worker or ""),
        _plain(task.user),
        Text("" if seconds is None else length(seconds), justify="right"),
    )


def _plain(text: str) -> Text:
    """Return text of others as it is: a plain str would be read as markup."""
    return Text(printable(text))
