from pathlib import Path

import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import SelectorError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules

from . import steps
from .timetable import add, come_due, firing, next_ms, someone, stored, told


async def test_a_paused_schedule_is_never_due_and_says_why(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await come_due(namespace)

    assert await Schedules(namespace).pause("nightly", reason="holidays")

    found = await Schedules(namespace).show("nightly")
    assert (found.paused, found.reason, found.next_at) == (True, "holidays", None)
    assert (await firing(namespace, tmp_path).due()).due == []
    assert (await steps.events(namespace, "schedule_paused"))[0]["reason"] == "holidays"


async def test_pausing_twice_keeps_the_first_reason(namespace: Namespace, tmp_path: Path) -> None:
    await add(namespace, someone(tmp_path))
    await Schedules(namespace).pause("nightly", reason="holidays")

    assert not await Schedules(namespace).pause("nightly", reason="other")

    assert (await stored(namespace))["reason"] == "holidays"
    assert await told(namespace) == ["schedule_added", "schedule_paused"]


async def test_a_paused_schedule_that_somebody_gave_a_time_is_paused_again(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await Schedules(namespace).pause("nightly")
    await come_due(namespace)

    assert await Schedules(namespace).pause("nightly")

    assert await next_ms(namespace) == float("inf")


async def test_a_scheduler_pauses_only_what_it_looked_at(
    namespace: Namespace, tmp_path: Path
) -> None:
    before = await add(namespace, someone(tmp_path))
    await add(namespace, someone(tmp_path), replaces=True)

    assert not await Schedules(namespace).pause("nightly", revision=before.revision)

    assert not (await Schedules(namespace).show("nightly")).paused
    assert await Schedules(namespace).pause("nightly", revision="2")


async def test_a_time_without_a_record_goes(namespace: Namespace) -> None:
    await namespace.redis.zadd(keys.schedules(namespace.prefix), {"ghost": 1})

    with pytest.raises(SelectorError, match="no schedule is named ghost"):
        await Schedules(namespace).pause("ghost")

    assert await next_ms(namespace, "ghost") is None
    assert await told(namespace) == ["ghost"]


async def test_a_misused_key_is_not_looked_at_again(namespace: Namespace) -> None:
    await namespace.redis.zadd(keys.schedules(namespace.prefix), {"nightly": 1})
    await namespace.redis.lpush(keys.schedule(namespace.prefix, "nightly"), "mine")

    assert await Schedules(namespace).pause("nightly", reason="malformed")

    assert await next_ms(namespace) == float("inf")
    assert "WRONGTYPE" in (await Schedules(namespace).show("nightly")).reason
    await namespace.redis.delete(keys.schedule(namespace.prefix, "nightly"))
