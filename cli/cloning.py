"""Clones tasks, also archived ones, and says which new ones there are."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from ..broker.answers import Answer
from ..broker.clones import Changes, changed, clone, verified
from ..broker.envelope import Verifier
from ..broker.errors import NothingSelected, TaskError, TaskNotFound, TrustError, UsageError
from ..broker.new_task import ADDED, Enqueued, EnqueueOutcome, NewTask
from ..broker.originals import Source, archived_source, live_source
from ..broker.record import parse
from ..broker.states import FINAL
from ..broker.tasks import Tasks
from ..broker.trust import TrustFile, TrustFileError
from ..broker.verbs import Verb
from . import exits, keyring_news, loop
from .acting import Deed, act_on_all, check_selection
from .change_options import CloneOptions, changes_of
from .changing import applied
from .config import Settings
from .connected import connected
from .edit_document import CLONES_HEAD, Page
from .filter_options import WhereOptions
from .identity import own_key, user_name
from .near_params import hints
from .reading import resolve, url_of_tasks
from .render.footer import footer
from .render.screen import Screen
from .reporting import say_error
from .sheets import sheet_of
from .visit import Visit

if TYPE_CHECKING:
    from ..broker.keypair import KeyPair
    from ..broker.keys import TaskId
    from ..broker.namespace import Namespace


def clone_tasks(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    which: WhereOptions,
    options: CloneOptions,
    *,
    is_draft: bool,
    edits: bool = False,
    environ: Mapping[str, str],
) -> int:
    """Clone what was named or described; of those named, all are found and verified before the
    first is enqueued.

    Raises:
        SelectorError: a name that fits nothing, also in the archive.
        TrustError: nobody whom this user trusts signed it; names the key.
        UsageError: a change is not acceptable.
    """
    check_selection(selectors, which)
    now_ms = time.time_ns() // 1_000_000
    changes = changes_of(options, is_draft=is_draft, environ=environ, now_ms=now_ms)
    cloner = _Cloner(settings, screen)
    if selectors:
        visit = Visit(settings, screen, environ) if edits else None
        return cloner.clone_named(selectors, changes, visit)
    if edits:
        raise UsageError("--edit is for tasks that are named")
    deed = Deed(
        what="clone" if is_draft else "rerun",
        make=lambda ns: cloner.cloning(ns, changes),
        states=() if is_draft else FINAL,
        is_repeatable=False,
    )
    return act_on_all(settings, screen, which, deed)


class _Cloner:
    """Somebody who clones tasks."""

    def __init__(self, settings: Settings, screen: Screen) -> None:
        self._settings = settings
        self._screen = screen
        self._pair: KeyPair = own_key(settings.home)
        self._verifier = Verifier(TrustFile(settings.home.config / "trust.json"))

    def clone_named(self, selectors: Sequence[str], changes: Changes, visit: Visit | None) -> int:
        url = url_of_tasks(self._settings)
        name = self._settings.namespace

        async def find() -> list[Source]:
            async with connected(url, name, warn=self._screen.warn) as namespace:
                await keyring_news.look(namespace, self._settings, warn=self._screen.warn)
                return [await self._source(namespace, each) for each in selectors]

        async def add(tasks: Sequence[NewTask]) -> list[Enqueued]:
            async with connected(url, name) as namespace:
                uploads = {t.definition: s.upload for s, t in zip(sources, tasks, strict=True)}
                return await Tasks(namespace).enqueue(tasks, uploads)

        sources = loop.run(find)
        self._warn(sources, changes)
        sources, tasks = self._tasks(sources, changes, visit)
        done = list(zip(sources, tasks, loop.run(lambda: add(tasks)), strict=True))
        refused = [_problem(task, added) for _, task, added in done if not _is_added(added)]
        _show(self._screen, [each for each in done if _is_added(each[2])])
        for problem in refused:
            say_error(problem)
        return exits.FAILED if refused else exits.OK

    def cloning(self, namespace: "Namespace", changes: Changes) -> Verb:
        """Return what clones tasks that are in Redis: cloned, with the id of the new one."""

        async def add(ids: "Sequence[TaskId]") -> list[Answer]:
            answers: dict[TaskId, Answer] = {}
            pairs: list[tuple[Source, NewTask]] = []
            for task_id in ids:
                try:
                    source = await live_source(namespace, task_id)
                    pairs.append((source, self._clone(source, changes)))
                except TaskNotFound:
                    answers[task_id] = Answer(task_id, "missing")
                except TrustFileError:
                    raise
                except (TaskError, TrustError) as e:
                    answers[task_id] = Answer(task_id, "denied", str(e))
            uploads = {task.definition: source.upload for source, task in pairs}
            added = await Tasks(namespace).enqueue([task for _, task in pairs], uploads)
            for (source, task), each in zip(pairs, added, strict=True):
                answers[source.id] = _answer(source, task, each)
            return [answers[task_id] for task_id in ids]

        return add

    def _tasks(
        self, sources: list[Source], changes: Changes, visit: Visit | None
    ) -> tuple[list[Source], list[NewTask]]:
        """Return what is cloned and the clones; a visit may change them, and leave some out."""
        if visit is None:
            return sources, [self._clone(source, changes) for source in sources]
        pages = [self._page(source, changes) for source in sources]
        with visit.changes(pages, head=CLONES_HEAD) as (wanted, _):
            kept = [source for source in sources if source.id in wanted]
            return kept, [self._clone(s, applied(changes, wanted[s.id])) for s in kept]

    def _clone(self, source: Source, changes: Changes) -> NewTask:
        return clone(
            source,
            self._verifier,
            self._pair,
            changes,
            namespace=self._settings.namespace,
            user=user_name(),
        )

    def _page(self, source: Source, changes: Changes) -> Page:
        """Return what a clone of a task would be, to be edited."""
        task = self._clone(source, changes)
        signed = verified(
            source, self._verifier, namespace=self._settings.namespace, queue=changes.queue
        )
        record = parse(source.id, source.task, source.extra, {})
        record = msgspec.structs.replace(
            record, name=task.name, queue=task.queue, priority=task.priority, labels=task.labels
        )
        after = changed(signed, changes, user="", now_s=0)
        return Page(id=source.id, sheet=sheet_of(record, after), note="the clone gets another id")

    def _warn(self, sources: Sequence[Source], changes: Changes) -> None:
        records = [parse(s.id, s.task, s.extra, {}) for s in sources]
        for line in hints(records, changes.params, changes.without_params):
            self._screen.warn(line)

    async def _source(self, namespace: "Namespace", selector: str) -> Source:
        """Return what a task is copied from, in Redis or else in the archive."""
        from .archived import archive_of, find_archived  # only where it is needed

        try:
            [task_id] = await resolve(namespace, [selector])
            return await live_source(namespace, task_id)
        except (NothingSelected, TaskNotFound) as e:
            absent = e
        found = await find_archived(self._settings, selector, warn=self._screen.warn)
        if found is None:
            raise absent
        with closing(archive_of(self._settings)) as archive:
            return await archived_source(namespace, archive, found)


def _is_added(added: Enqueued) -> bool:
    return added.outcome in ADDED


def _answer(source: Source, task: NewTask, added: Enqueued) -> Answer:
    if _is_added(added):
        return Answer(source.id, "cloned", task.id)
    if added.outcome is EnqueueOutcome.UNIQUE:
        return Answer(source.id, "unique", added.other or "")
    return Answer(source.id, added.outcome.value, added.other or "")


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
    if not done:
        screen.say("nothing was added")
    for source, task, added in done:
        screen.put(task.id)
        screen.say(f"a clone of {source.id}: {added.outcome}, queue {task.queue}")
    if len(done) == 1:
        [(_, task, _)] = done
        steps = ("edit", "enqueue") if task.is_draft else ("logs -f", "cancel")
        footer(screen, [f"{step} {task.id}" for step in steps])
