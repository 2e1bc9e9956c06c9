"""Edits tasks that have not begun: by options, or in the person's editor."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ..broker.answers import Answer
from ..broker.bulk import matching
from ..broker.clones import Changes
from ..broker.edits import EDITABLE, Author, editing, signed_now
from ..broker.envelope import Verifier
from ..broker.errors import TrustError, UsageError
from ..broker.keys import TaskId
from ..broker.lookups import Lookups
from ..broker.trust import TrustFile
from . import exits, keyring_news, loop
from .acting import Deed, act, check_selection
from .change_options import ChangeOptions
from .changing import changes_of
from .config import Settings
from .connected import connected
from .edit_document import Page
from .filter_options import WhereOptions
from .identity import own_key, user_name
from .picking import filters_of
from .reading import resolve, url_of_tasks
from .render.answers import answer_json
from .render.footer import footer
from .render.screen import Screen
from .reporting import say_error
from .sheets import sheet_of, words_of
from .visit import Visit

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.record import Record
    from ..broker.signed_task import SignedTask

MOST: Final = 100
"""Tasks in one document."""


def edit_tasks(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    which: WhereOptions,
    options: ChangeOptions,
    *,
    environ: Mapping[str, str],
) -> int:
    """Edit what was named or described; return an exit code: 1 where one was not changed.

    Raises:
        UsageError: a change is not acceptable, or there is no editor.
    """
    check_selection(selectors, which)
    if options == ChangeOptions() and not which.dry_run:
        return _Editing(settings, screen, environ).edit(selectors, which)
    changes = changes_of(options, environ=environ)
    author = _author(settings)
    deed = Deed(
        what="edit",
        make=lambda ns: editing(ns, changes, author),
        states=EDITABLE,
        next_steps=("show", "why"),
    )
    return act(settings, screen, selectors, which, deed)


def _author(settings: Settings) -> Author:
    verifier = Verifier(TrustFile(settings.home.config / "trust.json"))
    return Author(verifier=verifier, pair=own_key(settings.home), user=user_name())


class _Editing:
    """Tasks on their way through an editor."""

    def __init__(self, settings: Settings, screen: Screen, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._screen = screen
        self._visit = Visit(settings, screen, environ)
        self._author = _author(settings)
        self._url = url_of_tasks(settings)

    def edit(self, selectors: Sequence[str], which: WhereOptions) -> int:
        pages, refused = loop.run(lambda: self._pages(selectors, which))
        for answer in refused:
            say_error(f"task {answer.id}: {answer.problem}")
        if not pages:
            self._screen.say("there is nothing to edit")
            return exits.FAILED if refused else exits.OK
        with self._visit.changes(pages) as (wanted, keep):
            changes = {i: each for i, each in wanted.items() if words_of(each)}
            answers = loop.run(lambda: self._apply(changes))
            is_bad = any(answer.is_refusal for answer in answers)
            if is_bad:
                keep()
        self._show(answers, changes)
        return exits.FAILED if refused or is_bad else exits.OK

    async def _pages(
        self, selectors: Sequence[str], which: WhereOptions
    ) -> tuple[list[Page], list[Answer]]:
        async with connected(self._url, self._settings.namespace) as namespace:
            await keyring_news.look(namespace, self._settings, warn=self._screen.warn)
            ids = await self._ids(namespace, selectors, which)
            records = await Lookups(namespace).records(ids)
            signed = await signed_now(namespace, ids, self._author.verifier)
        refused = [
            Answer(record.id, "state", record.state)
            for record in records
            if record.state not in EDITABLE
        ]
        return [_page(r, signed[r.id]) for r in records if r.id in signed], refused

    async def _ids(
        self, namespace: "Namespace", selectors: Sequence[str], which: WhereOptions
    ) -> list[TaskId]:
        if selectors:
            ids = await resolve(namespace, selectors)
        else:
            ids = await matching(namespace, filters_of(which, EDITABLE))
        if len(ids) > MOST:
            raise UsageError(
                f"{len(ids)} tasks are too many for one document, at most {MOST};"
                " say what to change by options, like --set lr=0.1"
            )
        return ids

    async def _apply(self, changes: Mapping[TaskId, Changes]) -> list[Answer]:
        if not changes:
            return []
        async with connected(self._url, self._settings.namespace) as namespace:
            return [
                answer
                for task_id, each in changes.items()
                for answer in await editing(namespace, each, self._author)([task_id])
            ]

    def _show(self, answers: Sequence[Answer], changes: Mapping[TaskId, Changes]) -> None:
        if self._screen.json:
            tasks = [answer_json(answer) for answer in answers]
            self._screen.print_json({"schema": 1, "tasks": tasks})
        if not answers:
            self._screen.say("nothing was changed")
        for answer in answers:
            if answer.is_refusal:
                say_error(f"task {answer.id}: {answer.problem}")
            elif not self._screen.json:
                self._screen.put(f"{answer.id} edited: {words_of(changes[answer.id])}")
        if len(answers) == 1 and not answers[0].is_refusal:
            footer(self._screen, [f"show {answers[0].id}", f"why {answers[0].id}"])


def _page(record: "Record", signed: "SignedTask | TrustError") -> Page:
    problem = str(signed) if isinstance(signed, TrustError) else ""
    place = f", position {record.position}" if record.position else ""
    return Page(
        id=record.id,
        sheet=sheet_of(record, None if isinstance(signed, TrustError) else signed),
        note=f"{record.state}{place}",
        problem=problem,
    )
