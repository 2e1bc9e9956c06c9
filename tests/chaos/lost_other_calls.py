"""Tasks leave Redis, and schedules."""

from pathlib import Path

from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging
from rq_agent.broker.replacement import Holdings, Replacements
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.ticks import Ticks

from ..scripts import retiring, timetable
from .lost_call import Call, case

# Tasks leave Redis.


@case("archive")
async def _(ns: Namespace, folder: Path) -> Call:
    claim = await retiring.ended(ns)
    return lambda ns: Purging(ns).archive(claim.task_id)


@case("collect")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.make_due(ns, (await retiring.ended(ns)).task_id)
    return lambda ns: Purging(ns).collect()


@case("uncollect")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.make_due(ns, (await retiring.ended(ns)).task_id)
    tasks = await retiring.collect(ns)
    return lambda ns: Purging(ns).give_back(tasks)


@case("archived")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.make_due(ns, (await retiring.ended(ns)).task_id)
    tasks = await retiring.collect(ns)
    return lambda ns: Purging(ns).note_archived(tasks)


@case("purge")
async def _(ns: Namespace, folder: Path) -> Call:
    await retiring.archived(ns)
    return lambda ns: retiring.purge(ns)


# Schedules.


@case("schedule_add")
async def _(ns: Namespace, folder: Path) -> Call:
    new = timetable.new_schedule(ns, timetable.someone(folder))
    return lambda ns: Schedules(ns).add(new, timetable.UPLOAD)


@case("schedule_add/replaces")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    new = timetable.new_schedule(ns, timetable.someone(folder), zone="UTC")
    return lambda ns: Schedules(ns).add(new, timetable.UPLOAD, replaces=True)


@case("schedule_remove")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    return lambda ns: Schedules(ns).remove("nightly")


@case("schedule_pause")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    return lambda ns: Schedules(ns).pause("nightly", reason="why")


@case("schedule_resume")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    await Schedules(ns).pause("nightly")
    return lambda ns: Schedules(ns).resume("nightly")


@case("cron_fire")
async def _(ns: Namespace, folder: Path) -> Call:
    await timetable.add(ns, timetable.someone(folder))
    await timetable.come_due(ns)
    due, now_ms = await timetable.look(timetable.firing(ns, folder))
    return lambda ns: timetable.firing(ns, folder).fire(due, now_ms)


@case("replaced")
async def _(ns: Namespace, folder: Path) -> Call:
    await Ticks(ns).hello("run", lease_ms=60_000, beat_ms=5_000)
    return lambda ns: Replacements(ns).note("before", Holdings(queued=3), known_ms=2_000)
