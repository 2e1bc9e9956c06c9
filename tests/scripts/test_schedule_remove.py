from pathlib import Path

import pytest

from rq_agent.broker import keys
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.definition import digest
from rq_agent.broker.errors import SelectorError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.tasks import DefinitionUpload

from . import steps
from .timetable import add, come_due, firing, new_schedule, references, someone, told


async def test_a_removed_schedule_leaves_nothing_behind(
    namespace: Namespace, tmp_path: Path
) -> None:
    code = b"code"
    blob = digest(code)
    await Blobs(namespace).put(blob, code)
    upload = DefinitionUpload(encoded=steps.ENCODED, blobs=(blob,))
    await Schedules(namespace).add(new_schedule(namespace, someone(tmp_path)), upload)

    await Schedules(namespace).remove("nightly")

    p = namespace.prefix
    left = {raw.decode() async for raw in namespace.redis.scan_iter(match=f"{p}*")}
    assert left == {keys.events(p), keys.blob(p, blob)}
    assert await namespace.redis.pttl(keys.blob(p, blob)) > 0
    assert await told(namespace) == ["schedule_added", "schedule_removed"]


async def test_tasks_of_a_removed_schedule_keep_their_definition(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await come_due(namespace)
    scheduler = firing(namespace, tmp_path)
    found = await scheduler.due()
    await scheduler.fire(found.due[0], found.now_ms)

    await Schedules(namespace).remove("nightly")

    assert await references(namespace) == {f"d:{steps.DIGEST}": "1"}
    assert await namespace.redis.exists(keys.definition(namespace.prefix, steps.DIGEST))
    assert len(await steps.line(namespace)) == 1


async def test_an_unknown_schedule_is_refused_with_a_near_name(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))

    with pytest.raises(SelectorError, match="did you mean nightly"):
        await Schedules(namespace).remove("nightli")
    with pytest.raises(SelectorError, match="see rq-agent schedule ls"):
        await Schedules(namespace).remove("x")


async def test_a_misused_key_and_a_time_without_a_record_can_be_removed(
    namespace: Namespace,
) -> None:
    await namespace.redis.set(keys.schedule(namespace.prefix, "a"), "mine")
    await namespace.redis.zadd(keys.schedules(namespace.prefix), {"b": 1})

    await Schedules(namespace).remove("a")
    await Schedules(namespace).remove("b")

    assert not await namespace.redis.exists(
        keys.schedule(namespace.prefix, "a"), keys.schedules(namespace.prefix)
    )


@pytest.mark.parametrize("count", [None, b"many", b"0", b"-3"])
async def test_a_count_that_somebody_broke_costs_nobody_a_definition(
    namespace: Namespace, tmp_path: Path, count: bytes | None
) -> None:
    p = namespace.prefix
    await add(namespace, someone(tmp_path))
    await namespace.redis.delete(keys.references(p))
    if count is not None:
        await namespace.redis.hset(keys.references(p), f"d:{steps.DIGEST}", count)

    await Schedules(namespace).remove("nightly")

    assert await Schedules(namespace).list() == []
    assert await namespace.redis.exists(keys.definition(p, steps.DIGEST))
