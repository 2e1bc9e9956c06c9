"""From a script on this machine and a line of cron to a signed schedule."""

import time

import msgspec

from . import cron_times
from .cron_times import Missed
from .errors import UsageError
from .keypair import KeyPair
from .namespace import Namespace
from .schedule import Schedule, settings_of
from .schedules import NewSchedule, Schedules, check_name
from .submission import Progress, Submission, check, new_task, pack
from .submission_tasks import signed_task
from .template import VALID_S, sign_template, template_id


class Timetable(msgspec.Struct, frozen=True, kw_only=True):
    """When the tasks of a schedule come."""

    name: str
    """Of the schedule."""
    expression: str
    """A line of cron."""
    zone: str
    """Name of a time zone."""
    missed: Missed = Missed.ONCE


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    schedule: Schedule
    snapshot: str
    """What travelled, for people."""
    environment: str
    """Where the requirements were found and how many."""
    warnings: tuple[str, ...] = ()


def check_timetable(timetable: Timetable, submission: Submission) -> None:
    """Raise UsageError, before any work is done, unless such a schedule can be."""
    check_name(timetable.name)
    cron_times.check(timetable.expression, timetable.zone)
    check(submission)
    of_one_task = {
        "a delay": submission.delay_s,
        "a time": submission.at_ms,
        "parents": submission.parents,
        "the state of a draft": submission.is_draft,
    }
    for what, given in of_one_task.items():
        if given:
            raise UsageError(
                f"schedule {timetable.name}: its tasks can't have {what}; its line says when they"
                " come"
            )


async def add_schedule(
    namespace: Namespace,
    submission: Submission,
    timetable: Timetable,
    pair: KeyPair,
    *,
    replaces: bool,
    progress: Progress,
) -> Added:
    """Pack the code, find its requirements, sign a template, and add a schedule of it.

    Raises:
        UsageError, SnapshotError: the person can mend it; nothing was added.
        BrokerUnavailable: redis did not take it.
    """
    check_timetable(timetable, submission)
    packed = await pack(namespace, submission, progress=progress)
    template = signed_task(
        namespace.name,
        submission,
        template_id(timetable.name),
        packed.digest,
        not_after=int(time.time()) + VALID_S,
    )
    new = NewSchedule(
        name=timetable.name,
        expression=timetable.expression,
        zone=timetable.zone,
        missed=timetable.missed,
        template=sign_template(template, pair),
        settings=settings_of(new_task(namespace.name, submission, packed.digest, pair)),
        definition=packed.digest,
        user=submission.user,
    )
    return Added(
        schedule=await Schedules(namespace).add(new, packed.upload, replaces=replaces),
        snapshot=packed.summary,
        environment=packed.environment,
        warnings=packed.warnings,
    )
