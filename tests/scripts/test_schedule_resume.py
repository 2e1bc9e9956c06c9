from pathlib import Path

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import SelectorError, UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules

from . import steps
from .timetable import add, next_ms, someone, stored, told


async def test_a_resumed_schedule_fires_at_its_next_time_and_makes_up_for_nothing(
    namespace: Namespace, tmp_path: Path
) -> None:
    added = await add(namespace, someone(tmp_path))
    await Schedules(namespace).pause("nightly", reason="holidays")

    assert await Schedules(namespace).resume("nightly")

    found = await Schedules(namespace).show("nightly")
    assert (found.paused, found.reason, found.next_at) == (False, "", added.next_at)
    assert not {"paused", "reason"} & set(await stored(namespace))
    assert await told(namespace) == ["schedule_added", "schedule_paused", "schedule_resumed"]


async def test_a_schedule_that_is_not_paused_keeps_its_time(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await namespace.redis.zadd(keys.schedules(namespace.prefix), {"nightly": 1})

    assert not await Schedules(namespace).resume("nightly")

    assert await next_ms(namespace) == 1
    assert await told(namespace) == ["schedule_added"]


async def test_a_schedule_whose_time_got_lost_gets_one(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await namespace.redis.delete(keys.schedules(namespace.prefix))

    assert await Schedules(namespace).resume("nightly")

    assert (await next_ms(namespace) or 0) > await steps.now_ms(namespace)


async def test_what_can_t_be_resumed_is_named(namespace: Namespace, tmp_path: Path) -> None:
    with pytest.raises(SelectorError, match="no schedule is named nightly"):
        await Schedules(namespace).resume("nightly")
    assert await namespace.scripts.schedule_resume(["nightly", 1]) == b""  # removed meanwhile
    assert await next_ms(namespace) is None
    await add(namespace, someone(tmp_path))
    await Schedules(namespace).pause("nightly")
    await namespace.redis.hset(keys.schedule(namespace.prefix, "nightly"), "expression", "often")

    with pytest.raises(UsageError, match="'often'"):
        await Schedules(namespace).resume("nightly")

    assert (await Schedules(namespace).show("nightly")).paused
