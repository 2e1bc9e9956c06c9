"""Fires schedules when their time has come.

Any number of processes may run this loop: each fire is a compare-and-set on the schedule's time,
so one of them adds its tasks and the others find that it was done.
"""

import logging
from typing import Final, NoReturn

import anyio

from ..broker.errors import BrokerUnavailable, SelectorError, TrustError, UsageError
from ..broker.firing import DueSchedule, Fired, FireOutcome, Firing
from ..broker.new_task import EnqueueOutcome
from ..broker.schedules import Schedules
from ..broker.trust import TrustFileError
from .troubles import Troubles

log = logging.getLogger(__name__)

EVERY_MS: Final = 1_000
"""Longest rest: a schedule that is added meanwhile is late by no more."""


async def fire_forever(firing: Firing, schedules: Schedules) -> NoReturn:
    """Fire what is due, again and again. A missing Redis is told and waited for.

    Args:
        firing: of the namespace, with the key that signs and the trust file of this machine.
        schedules: of the same namespace.
    """
    troubles = Troubles(log, "cron")
    while True:
        wait_ms = EVERY_MS
        try:
            wait_ms = await fire_due(firing, schedules)
        except (BrokerUnavailable, TrustFileError) as e:  # nothing is wrong with the schedules
            troubles.met(e)
        else:
            troubles.over()
        await anyio.sleep(wait_ms / 1000)


async def fire_due(firing: Firing, schedules: Schedules) -> int:
    """Fire once what is due now. Return how long to rest until more may be, in ms.

    A schedule that can't fire is paused with the reason, and the others fire.

    Raises:
        BrokerUnavailable: Redis is away, or refuses; what was not fired is due the next time.
        TrustFileError: the same, since this machine can't tell whom it trusts.
    """
    found = await firing.due()
    refused: BrokerUnavailable | None = None
    for due in found.due:
        try:
            await _fire(firing, schedules, due, found.now_ms)
        except BrokerUnavailable as e:  # e.g. a damaged queue: not of the next one
            refused = e
    if refused is not None:
        raise refused
    return int(min(found.next_ms - found.now_ms, EVERY_MS))


async def _fire(firing: Firing, schedules: Schedules, due: DueSchedule, now_ms: int) -> None:
    try:
        fired = await firing.fire(due, now_ms)
    except TrustFileError:
        raise
    except (TrustError, UsageError) as e:
        return await _pause(schedules, due, str(e))
    if problem := _problem(fired):
        return await _pause(schedules, due, problem)
    if fired.tasks:
        log.info("schedule %s: added %d", due.schedule.name, len(fired.tasks))


def _problem(fired: Fired) -> str:
    """Return why a schedule can't go on, empty when it can."""
    if fired.outcome is FireOutcome.GONE:
        return "malformed record; add it again"
    if any(task.outcome is EnqueueOutcome.MISSING_DEFINITION for task in fired.tasks):
        return "its definition is gone; add it again"
    return ""


async def _pause(schedules: Schedules, due: DueSchedule, reason: str) -> None:
    revision = "" if due.schedule.problem else due.schedule.revision
    try:
        paused = await schedules.pause(due.schedule.name, reason=reason, revision=revision)
    except SelectorError:  # only its time was left
        return
    if paused:
        log.warning("schedule %s: paused: %s", due.schedule.name, reason)
