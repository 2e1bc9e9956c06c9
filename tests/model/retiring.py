"""The model of how final tasks leave: collected, noted as archived, purged."""

from .state import State, Task

_RETRY_MS, _KEEP_MS = 3_600_000, 86_400_000
Collected = list[tuple[str, int]]
"""Ids, and which end of each."""


def archive(state: State, now: int, task_id: str) -> str:
    """Let a final task go now; return what was done, or its state, or '' for no such task."""
    task = state.tasks.get(task_id)
    if task is None:
        return ""
    if not task.is_final:
        return task.state
    task.purge_at = now
    if task.archived_ms != task.finished_ms:
        task.archive_at = now
    state.tell("archive", task.id)
    return "archived"


def collect(state: State, now: int, limit: int, lease_ms: int) -> Collected:
    """Some final tasks that the archive lacks; others are not given them for a while."""
    due = [(t.archive_at, t.id, t) for t in state.tasks.values() if t.archive_at is not None]
    taken = [task for at, _, task in sorted(due, key=lambda d: d[:2]) if at <= now][:limit]
    for task in taken:
        task.archive_at = now + lease_ms
    return [(task.id, task.finished_ms) for task in taken]


def note_archived(state: State, now: int, collected: Collected) -> int:
    """Return how many of these ends are still those of their tasks."""
    noted = 0
    for task_id, finished_ms in collected:
        task = state.tasks.get(task_id)
        if task is None or not task.is_final or task.finished_ms != finished_ms:
            continue
        task.archived_ms = finished_ms
        task.archive_at = None
        if task.overdue == finished_ms:
            task.overdue = 0
            task.purge_at = now
        noted += 1
    return noted


def purge(state: State, now: int, limit: int) -> tuple[int, int, int]:
    """Remove what is due; returns how many went, lack the archive, or are needed."""
    due = [(t.purge_at, t.id, t) for t in state.tasks.values() if t.purge_at is not None]
    counts = [0, 0, 0]
    for _, _, task in sorted((d for d in due if d[0] <= now), key=lambda d: d[:2])[:limit]:
        counts[_look(state, now, task)] += 1
    return counts[0], counts[1], counts[2]


def _look(state: State, now: int, task: Task) -> int:
    if task.archived_ms != task.finished_ms:
        task.overdue = task.finished_ms
        task.purge_at = now + _RETRY_MS
        if task.archive_at is None:
            task.archive_at = now
        return 1
    if any(_needs(child, task.id) for child in state.tasks.values()):
        task.purge_at = now + _KEEP_MS
        return 2
    state.tell("purged", task.id)
    del state.tasks[task.id]
    return 0


def _needs(child: Task, parent_id: str) -> bool:
    return not child.is_final and any(parent == parent_id for _, parent in child.parents)
