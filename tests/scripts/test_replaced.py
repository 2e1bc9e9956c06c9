"""What is told of a Redis that came back with nothing."""

from pathlib import Path

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.replacement import Holdings, Replacements
from rq_agent.broker.ticks import Ticks

from . import timetable
from .steps import add, claim_one, events, finish, running

BEFORE = Holdings(queued=3, schedules=1)


async def greet(namespace: Namespace) -> str:
    hello = await Ticks(namespace).hello("run", lease_ms=60_000, beat_ms=5_000)
    return hello.birth


async def test_what_a_namespace_holds_is_counted(namespace: Namespace, tmp_path: Path) -> None:
    await add(namespace, 3)
    await add(namespace, delay_ms=60_000)
    claimed = await claim_one(namespace)
    await finish(namespace, claimed, "failed")
    await running(namespace)
    await timetable.add(namespace, timetable.someone(tmp_path))

    assert await Replacements(namespace).count() == Holdings(
        running=1, queued=2, delayed=1, results=1, schedules=1
    )


async def test_a_loss_is_noted_once_as_whoever_knew_it_last_tells_it(namespace: Namespace) -> None:
    replacements = Replacements(namespace)
    await greet(namespace)
    assert await replacements.last() is None

    assert await replacements.note("older", BEFORE, known_ms=2_000)
    assert not await replacements.note("older", Holdings(), known_ms=1_000)

    found = await replacements.last()
    assert found is not None
    assert (found.before, found.known_ms, found.recreated) == (BEFORE, 2_000, 0)
    assert found.at_ms > 1_700_000_000_000
    assert [e["before"] for e in await events(namespace, "server_replaced")] == ["older"]


async def test_nothing_is_noted_of_a_namespace_that_is_the_same(namespace: Namespace) -> None:
    replacements = Replacements(namespace)
    assert not await replacements.note("older", BEFORE, known_ms=1)
    birth = await greet(namespace)

    assert not await replacements.note(birth, BEFORE, known_ms=1)

    assert await replacements.last() is None


async def test_what_somebody_else_wrote_there_is_nothing(namespace: Namespace) -> None:
    key = keys.globals_(namespace.prefix)
    await namespace.redis.hset(key, mapping={"replaced_ms": "x", "replaced": b"\xff"})

    assert await Replacements(namespace).last() is None
