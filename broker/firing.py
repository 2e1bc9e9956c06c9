"""What a scheduler does with schedules whose time has come."""

import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import structs

from . import cron_times, keys, schedule
from .cron_times import Due, Missed
from .decoding import text
from .envelope import sign
from .errors import UsageError
from .ids import TaskIds, of_event
from .keypair import KeyPair
from .keyrings import Keyrings
from .keys import TaskId
from .namespace import Namespace
from .new_task import Enqueued, NewTask, check
from .schedule import Schedule, task_of
from .schedules import Schedules, read_records, shown
from .scripts import Argument
from .signed_task import SignedTask
from .submission_tasks import valid_s
from .tasks import Tasks, answers, enqueue_arguments
from .template import open_template
from .trust import TrustFile

BATCH: Final = 100
"""Most schedules of one round."""
LABEL: Final = "schedule"
"""The label that names the schedule of a task."""

_ids = TaskIds()


class DueSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule whose time has come."""

    schedule: Schedule
    template: bytes
    due_ms: float
    """Its time as stored; whoever fires it must find it unchanged."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What is due now."""

    due: list[DueSchedule]
    now_ms: int
    """On the clock of Redis."""
    next_ms: float
    """When the next one is due; now, if there are more than fit into a round; inf: never."""


class FireOutcome(StrEnum):
    """What became of a schedule that was to fire."""

    FIRED = "fired"
    LOST = "lost"  # somebody else fired it, or changed it
    GONE = "gone"


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """What was added."""

    outcome: FireOutcome
    tasks: list[Enqueued] = []


class Firing:
    """Fires schedules. Any number of processes may: a compare-and-set decides who does."""

    def __init__(self, ns: Namespace, pair: KeyPair, trust: TrustFile) -> None:
        """Args.

        ns: where the schedules are.
        pair: signs the tasks; workers must trust it.
        trust: whose schedules are fired, for which queues.
        """
        self._ns = ns
        self._pair = pair
        self._trust = trust
        self._keyrings = Keyrings(ns, trust)

    async def due(self) -> Round:
        """Return what is due, the longest due first."""
        pipe = self._ns.redis.pipeline(transaction=False)
        pipe.time()
        pipe.zrange(keys.schedules(self._ns.prefix), 0, BATCH, withscores=True)
        (seconds, micros), stored = await pipe.execute()
        now_ms = seconds * 1000 + micros // 1000
        times = {text(name): score for name, score in stored}
        due = {name: at for name, at in list(times.items())[:BATCH] if at <= now_ms}
        later = [at for name, at in times.items() if name not in due]
        return Round(
            due=await self._read(due) if due else [],
            now_ms=now_ms,
            next_ms=max(later[0], now_ms) if later else float("inf"),
        )

    async def fire(self, due: DueSchedule, now_ms: int) -> Fired:
        """Add the tasks of a schedule for the times that have come.

        Raises:
            TrustError: no trusted key signed it as it is.
            TrustFileError: this machine's trust file is not usable.
            UsageError: its record makes no sense.
        """
        found = due.schedule
        plan = _plan(due, now_ms)
        # A Redis that came back older lets a schedule fire once more for the same time: as the same
        # task, which is known already, or which its worker finds again.
        ids = [of_event(at, self._ns.name, found.name, found.revision) for at in plan.fires_ms]
        tasks = await self._tasks(found, due.template, ids)
        reply = await self._ns.scripts.cron_fire(_arguments(due, plan, tasks))
        outcome, *told = reply
        return Fired(outcome=FireOutcome(text(outcome)), tasks=answers(tasks, told) if told else [])

    async def run_now(self, name: str) -> Enqueued:
        """Add one task of a schedule, whatever its times; they stay as they are.

        Raises:
            SelectorError: there is none of that name.
            TrustError, TrustFileError, UsageError: as `fire`.
        """
        await Schedules(self._ns).show(name)
        [due] = await self._read({name: float("inf")})
        tasks = await self._tasks(due.schedule, due.template, [_ids.new()])
        [enqueued] = await Tasks(self._ns).enqueue(tasks, {})
        return enqueued

    async def _read(self, times: dict[str, float]) -> list[DueSchedule]:
        fields = [*schedule.FIELDS, "template"]
        records = await read_records(self._ns, list(times), fields)
        return [
            DueSchedule(
                schedule=shown(name, record if isinstance(record, str) else record[:-1], due_ms),
                template=b"" if isinstance(record, str) else record[-1] or b"",
                due_ms=due_ms,
            )
            for (name, due_ms), record in zip(times.items(), records, strict=True)
        ]

    async def _tasks(
        self, found: Schedule, template: bytes, ids: Sequence[TaskId]
    ) -> list[NewTask]:
        """Return new tasks, signed by this scheduler, of a template that was verified."""

        async def verified() -> SignedTask:
            return open_template(
                template,
                self._trust,
                namespace=self._ns.name,
                schedule=found.name,
                definition=found.definition,
                queue=found.queue,
            )

        signed = await self._keyrings.with_news(verified)
        not_after = int(time.time()) + valid_s(signed.restart)
        each = [structs.replace(signed, task_id=i, not_after=not_after) for i in ids]
        tasks = []
        for task, envelope in zip(each, sign(each, self._pair), strict=True):
            given: dict[str, Any] = {
                "id": task.task_id,
                "definition": task.definition,
                "envelope": envelope,
                "user": task.user,
                "need": task.need,
                "params": task.params,
                "timeout_ms": int(task.timeout_s * 1000),
            }
            made = task_of(found.settings, given)
            made = structs.replace(made, labels={LABEL: found.name, **made.labels})
            check(made)
            tasks.append(made)
        return tasks


def _plan(due: DueSchedule, now_ms: int) -> Due:
    found = due.schedule
    if found.problem:
        raise UsageError(f"{found.problem}; add it again")
    return cron_times.due(
        found.expression,
        found.zone,
        due_ms=int(max(due.due_ms, 0)),
        now_ms=now_ms,
        missed=Missed(found.missed),
    )


def _arguments(due: DueSchedule, plan: Due, tasks: Sequence[NewTask]) -> list[Argument]:
    found = due.schedule
    arguments: list[Argument] = [found.name, found.revision, f"{due.due_ms:.17g}"]
    arguments += ["" if plan.next_ms is None else plan.next_ms, len(tasks)]
    return arguments + enqueue_arguments(tasks, {}) if tasks else arguments
