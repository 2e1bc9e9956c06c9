"""Cancels tasks, and says what became of each."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from ..broker.errors import UsageError
from ..broker.lookups import Lookups
from ..broker.states import FINAL, TaskState
from ..broker.tasks import CancelOutcome, Tasks
from ..broker.verbs import cancelling
from . import exits, values
from .acting import Deed, act_on_all, check_selection
from .config import Settings
from .filter_options import FilterOptions
from .reading import look_at_tasks, resolve
from .render.footer import footer
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.namespace import Namespace
    from ..broker.record import Record


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How tasks that run are to be stopped, as it was written."""

    grace: str = ""
    """From SIGTERM to SIGKILL; empty: each task's own."""
    force: bool = False
    """SIGKILL at once."""
    reason: str = ""

    @property
    def grace_ms(self) -> int | None:
        """Return the time in ms, None for each task's own; raise UsageError for what is none."""
        if self.force and self.grace:
            raise UsageError("--force kills at once, and --grace waits; use one of them")
        if self.force:
            return 0
        return int(values.duration_s(self.grace, "--grace") * 1000) if self.grace else None


def cancel_tasks(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    options: FilterOptions,
    ending: Ending,
) -> int:
    """Cancel what was named. All names are looked up before anything is cancelled."""
    check_selection(selectors, options)
    reason, grace_ms = ending.reason, ending.grace_ms

    async def go(namespace: "Namespace") -> "list[tuple[CancelOutcome, Record]]":
        ids = await resolve(namespace, selectors)
        return [await _cancel(namespace, each, reason, grace_ms) for each in ids]

    done = look_at_tasks(settings, go)
    if screen.json:
        cancelled = [{"id": r.id, "outcome": outcome, "state": r.state} for outcome, r in done]
        screen.print_json({"schema": 1, "tasks": cancelled})
        return exits.OK
    for outcome, record in done:
        screen.put(f"{record.id} {_words(outcome, record)}")
    if len(done) == 1:
        [(outcome, record)] = done
        is_asked = outcome is CancelOutcome.REQUESTED
        footer(screen, [f"{'logs -f' if is_asked else 'rerun'} {record.id}"])
    return exits.OK


def cancel_all(settings: Settings, screen: Screen, options: FilterOptions, ending: Ending) -> int:
    """Cancel all tasks that the options accept; return an exit code."""
    check_selection((), options)
    live = frozenset(TaskState) - FINAL
    make = partial(cancelling, reason=ending.reason, grace_ms=ending.grace_ms)
    return act_on_all(settings, screen, options, Deed(what="cancel", make=make, states=live))


async def _cancel(
    namespace: "Namespace", task_id: "TaskId", reason: str, grace_ms: int | None
) -> "tuple[CancelOutcome, Record]":
    outcome = await Tasks(namespace).cancel(task_id, reason=reason, grace_ms=grace_ms)
    return outcome, await Lookups(namespace).record(task_id)


def _words(outcome: CancelOutcome, record: "Record") -> str:
    match outcome:
        case CancelOutcome.CANCELLED:
            return "cancelled"
        case CancelOutcome.REQUESTED:
            return f"asked worker {record.worker} to stop it"
        case CancelOutcome.FINAL:
            return f"already {record.state.replace('_', ' ')}"
