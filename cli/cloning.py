"""Clones tasks, also archived ones, and says which new ones there are."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from ..broker.clones import Changes, clone
from ..broker.envelope import Verifier
from ..broker.errors import NothingSelected, TaskNotFound
from ..broker.new_task import Enqueued, EnqueueOutcome, NewTask
from ..broker.originals import Source, archived_source, live_source
from ..broker.tasks import Tasks
from ..broker.trust import TrustFile
from . import exits, loop
from .clone_options import CloneOptions, changes_of
from .config import Settings
from .connected import connected
from .identity import own_key, user_name
from .reading import resolve, url_of_tasks
from .render.screen import Screen
from .reporting import say_error

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def clone_tasks(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    options: CloneOptions,
    *,
    is_draft: bool,
    environ: Mapping[str, str],
) -> int:
    """Clone what was named; all are found and verified before the first is enqueued.

    Raises:
        SelectorError: a name that fits nothing, also in the archive.
        TrustError: nobody whom this user trusts signed it; names the key.
        UsageError: a change is not acceptable.
    """
    now_ms = time.time_ns() // 1_000_000
    changes = changes_of(options, is_draft=is_draft, environ=environ, now_ms=now_ms)
    url = url_of_tasks(settings)

    async def go() -> "list[tuple[Source, NewTask, Enqueued]]":
        async with connected(url, settings.namespace, warn=screen.warn) as namespace:
            sources = [await _source(namespace, settings, screen, each) for each in selectors]
            tasks = [_clone(settings, source, changes) for source in sources]
            uploads = {t.definition: s.upload for s, t in zip(sources, tasks, strict=True)}
            added = await Tasks(namespace).enqueue(tasks, uploads)
            return list(zip(sources, tasks, added, strict=True))

    done = loop.run(go)
    refused = [_problem(task, added) for _, task, added in done if not _is_added(added)]
    _show(screen, [each for each in done if _is_added(each[2])])
    for problem in refused:
        say_error(problem)
    return exits.FAILED if refused else exits.OK


def _clone(settings: Settings, source: Source, changes: Changes) -> NewTask:
    pair = own_key(settings.home)
    verifier = Verifier(TrustFile(settings.home.config / "trust.json"))
    return clone(source, verifier, pair, changes, namespace=settings.namespace, user=user_name())


async def _source(
    namespace: "Namespace", settings: Settings, screen: Screen, selector: str
) -> Source:
    """Return what a task is copied from, in Redis or else in the archive."""
    from .archived import archive_of, find_archived  # only where it is needed

    try:
        [task_id] = await resolve(namespace, [selector])
        return await live_source(namespace, task_id)
    except (NothingSelected, TaskNotFound) as e:
        absent = e
    if (task := await find_archived(settings, selector, warn=screen.warn)) is None:
        raise absent
    with closing(archive_of(settings)) as archive:
        return await archived_source(namespace, archive, task)


def _is_added(added: Enqueued) -> bool:
    return added.outcome in (
        EnqueueOutcome.QUEUED,
        EnqueueOutcome.DELAYED,
        EnqueueOutcome.WAITING,
        EnqueueOutcome.DRAFT,
        EnqueueOutcome.SKIPPED,
    )


def _problem(task: NewTask, added: Enqueued) -> str:
    """Return why a clone was not added."""
    match added.outcome:
        case EnqueueOutcome.UNIQUE:
            return (
                f"task {added.other} has the unique key {task.unique!r};"
                " give another one, or none: --unique none"
            )
        case EnqueueOutcome.UNKNOWN_PARENT:
            return f"task {added.other}, which it waits for, does not exist, or no longer"
        case outcome:
            return f"it was not added: {outcome}"


def _show(screen: Screen, done: "Sequence[tuple[Source, NewTask, Enqueued]]") -> None:
    if screen.json:
        tasks = [
            {"id": task.id, "source": source.id, "state": added.outcome, "queue": task.queue}
            for source, task, added in done
        ]
        screen.print_json({"schema": 1, "tasks": tasks})
        return
    for source, task, added in done:
        screen.put(task.id)
        screen.say(f"a clone of {source.id}: {added.outcome}, queue {task.queue}")
