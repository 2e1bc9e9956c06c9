from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rq_agent.broker import keys
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.definition import digest
from rq_agent.broker.errors import BrokerRefused, UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.tasks import DefinitionUpload

from . import steps
from .timetable import UPLOAD, add, new_schedule, next_ms, references, someone, stored, told


async def test_a_schedule_is_stored_with_its_next_time_and_keeps_its_definition(
    namespace: Namespace, tmp_path: Path
) -> None:
    found = await add(namespace, someone(tmp_path), task={"queue": "night", "priority": 5})

    at_ms = await next_ms(namespace)
    assert at_ms is not None
    local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo("Europe/Berlin"))
    assert (local.hour, local.minute) == (3, 0)
    assert 0 < at_ms - await steps.now_ms(namespace) <= 25 * 3_600_000
    assert (found.name, found.queue, found.task_name) == ("nightly", "night", "train.py")
    assert (found.next_at, found.paused, found.reason) == (at_ms / 1000, False, "")
    assert (await stored(namespace))["revision"] == "1"
    assert await references(namespace) == {f"d:{steps.DIGEST}": "1"}
    assert (
        await namespace.redis.get(keys.definition(namespace.prefix, steps.DIGEST)) == steps.ENCODED
    )
    assert await told(namespace) == ["schedule_added"]


async def test_a_name_that_is_taken_is_refused_and_nothing_is_written(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    before = await stored(namespace)

    with pytest.raises(UsageError, match="schedule nightly exists"):
        await add(namespace, someone(tmp_path), expression="0 4 * * *")

    assert await stored(namespace) == before
    assert await references(namespace) == {f"d:{steps.DIGEST}": "1"}


async def test_a_schedule_that_is_replaced_keeps_its_past_and_is_paused_no_more(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    past: dict[Any, Any] = {"fired": "7", "fired_ms": "1000", "last_task": "t7"}
    await namespace.redis.hset(keys.schedule(namespace.prefix, "nightly"), mapping=past)
    await Schedules(namespace).pause("nightly", reason="holidays")
    created_ms = (await stored(namespace))["created_ms"]

    found = await add(namespace, someone(tmp_path), expression="0 4 * * *", replaces=True)

    fields = await stored(namespace)
    assert (found.expression, found.paused, found.reason) == ("0 4 * * *", False, "")
    assert past.items() <= fields.items()
    assert (fields["revision"], fields["created_ms"]) == ("2", created_ms)
    assert "paused" not in fields
    assert await references(namespace) == {f"d:{steps.DIGEST}": "1"}
    assert (await told(namespace))[-1] == "schedule_replaced"


async def test_the_definition_of_a_schedule_that_is_replaced_goes_and_its_blob_may(
    namespace: Namespace, tmp_path: Path
) -> None:
    old, new, code = b"an old definition", b"a new one", b"code"
    blob = digest(code)
    await Blobs(namespace).put(blob, code)
    schedule = new_schedule(namespace, someone(tmp_path), definition=digest(old))
    await Schedules(namespace).add(schedule, DefinitionUpload(encoded=old, blobs=(blob,)))
    assert await namespace.redis.pttl(keys.blob(namespace.prefix, blob)) == -1

    schedule = new_schedule(namespace, someone(tmp_path), definition=digest(new))
    await Schedules(namespace).add(schedule, DefinitionUpload(encoded=new), replaces=True)

    assert await references(namespace) == {f"d:{digest(new)}": "1"}
    assert not await namespace.redis.exists(keys.definition(namespace.prefix, digest(old)))
    assert await namespace.redis.pttl(keys.blob(namespace.prefix, blob)) > 0


async def test_a_definition_that_tasks_share_stays_when_its_schedule_is_replaced(
    namespace: Namespace, tmp_path: Path
) -> None:
    await steps.add(namespace)
    await add(namespace, someone(tmp_path))
    new = b"a new one"

    schedule = new_schedule(namespace, someone(tmp_path), definition=digest(new))
    await Schedules(namespace).add(schedule, DefinitionUpload(encoded=new), replaces=True)

    assert await references(namespace) == {f"d:{steps.DIGEST}": "1", f"d:{digest(new)}": "1"}
    assert await namespace.redis.exists(keys.definition(namespace.prefix, steps.DIGEST))


async def test_a_schedule_whose_code_is_gone_is_not_added(
    namespace: Namespace, tmp_path: Path
) -> None:
    upload = DefinitionUpload(encoded=steps.ENCODED, blobs=("f" * 64,))

    with pytest.raises(BrokerRefused, match="lost its code"):
        await Schedules(namespace).add(new_schedule(namespace, someone(tmp_path)), upload)

    assert await Schedules(namespace).list() == []
    assert await references(namespace) == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "a b"}, "is not a name"),
        ({"name": "x" * 64}, "is not a name"),
        ({"name": ""}, "is not a name"),
        ({"expression": "0 3 * *"}, "five fields"),
        ({"expression": "0 0 31 2 *"}, "no date fits"),
        ({"zone": "Europe/Berln"}, "did you mean Europe/Berlin"),
    ],
)
async def test_a_schedule_that_makes_no_sense_is_refused(
    namespace: Namespace, tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    schedule = new_schedule(namespace, someone(tmp_path), template=b"", **changes)

    with pytest.raises(UsageError, match=words):
        await Schedules(namespace).add(schedule, UPLOAD)

    assert not await namespace.redis.exists(keys.schedules(namespace.prefix))


async def test_a_key_that_somebody_misused_can_be_replaced(
    namespace: Namespace, tmp_path: Path
) -> None:
    await namespace.redis.set(keys.schedule(namespace.prefix, "nightly"), "mine")

    with pytest.raises(UsageError, match="exists"):
        await add(namespace, someone(tmp_path))
    await add(namespace, someone(tmp_path), replaces=True)

    assert (await Schedules(namespace).show("nightly")).reason == ""
