"""Schedules that are not fired: what nobody trusted signed, or what makes no sense."""

from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.definition import digest
from rq_agent.broker.envelope import Verifier
from rq_agent.broker.errors import TrustError, UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.template import open_template, template_id
from rq_agent.broker.trust import TrustFileError

from . import steps
from .timetable import (
    add,
    come_due,
    fire,
    firing,
    next_ms,
    someone,
    template,
    trust,
)


async def not_fired(namespace: Namespace, folder: Path, error: type[Exception], words: str) -> None:
    """Let a schedule come due and see it refused without a trace."""
    due_ms = await come_due(namespace)

    with pytest.raises(error, match=words):
        await fire(firing(namespace, folder))

    assert await steps.line(namespace) == []
    assert await next_ms(namespace) == due_ms


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("template", b""),
        ("template", b"RQT1garbage"),
        ("template", b"\xff" * 300_000),
        ("definition", digest(b"another").encode()),
    ],
)
async def test_a_template_that_was_altered_is_not_fired(
    namespace: Namespace, tmp_path: Path, field: str, value: bytes
) -> None:
    await add(namespace, someone(tmp_path))
    await namespace.redis.hset(keys.schedule(namespace.prefix, "nightly"), field, value)

    await not_fired(namespace, tmp_path, TrustError, "signed|signature|larger")


async def test_a_template_of_another_schedule_or_namespace_is_not_fired(
    namespace: Namespace, tmp_path: Path
) -> None:
    pair = someone(tmp_path)
    of_other = template(namespace, pair, "weekly")
    await add(namespace, pair, template=of_other)
    await not_fired(namespace, tmp_path, TrustError, "signature does not match")

    elsewhere = template(namespace, pair, namespace="elsewhere")
    await add(namespace, pair, template=elsewhere, replaces=True)
    await not_fired(namespace, tmp_path, TrustError, "signature does not match")


async def test_a_template_whose_time_is_over_is_not_fired(
    namespace: Namespace, tmp_path: Path
) -> None:
    old = template(namespace, someone(tmp_path), not_after=1_000_000_000)
    await add(namespace, someone(tmp_path), template=old)

    await not_fired(namespace, tmp_path, TrustError, "expired at 2001-09-09")


async def test_a_schedule_of_somebody_who_is_not_trusted_is_not_fired(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path, "eve"))

    await not_fired(namespace, tmp_path, TrustError, "not in this scheduler's trust file")


async def test_a_schedule_for_a_queue_that_its_signer_may_not_use_is_not_fired(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path), task={"queue": "gpu"})
    trust(tmp_path, someone(tmp_path), queues=("cpu",))

    await not_fired(namespace, tmp_path, TrustError, "may not submit to queue gpu")


async def test_a_task_can_t_be_passed_off_as_a_template_nor_the_reverse(
    namespace: Namespace, tmp_path: Path
) -> None:
    pair = someone(tmp_path)
    await add(namespace, pair)
    await come_due(namespace)
    [task] = (await fire(firing(namespace, tmp_path))).tasks
    envelope: Any = await namespace.redis.get(keys.arguments(namespace.prefix, task.id))
    file = trust(tmp_path, pair)
    place = {"namespace": namespace.name, "definition": steps.DIGEST, "queue": "q"}

    with pytest.raises(TrustError, match="not signed"):
        open_template(envelope, file, schedule="nightly", **place)
    with pytest.raises(TrustError, match="not a signed task"):
        Verifier(file).open(
            template(namespace, pair),
            task_id=TaskId(template_id("nightly")),
            shape=shape_id(Need()),
            now_s=0,
            **place,
        )


async def test_a_trust_file_that_is_broken_is_nobody_s_fault(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    due_ms = await come_due(namespace)
    scheduler = firing(namespace, tmp_path)
    (tmp_path / "trust.json").write_text("{")

    with pytest.raises(TrustFileError):
        await fire(scheduler)

    assert await next_ms(namespace) == due_ms


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("expression", b"often", "five fields"),
        ("zone", b"Mars/Base", "not known"),
        ("missed", b"maybe", "malformed record: missed"),
        ("revision", b"one", "malformed record: revision"),
        ("task", b"[1]", "malformed record: task"),
        ("task", b'{"queue":"q","priority":1000}', "settings of its tasks are malformed"),
        ("task", b'{"queue":"a b"}', "settings of its tasks are malformed"),
        ("task", b'{"queue":"q","labels":{"a=b":"c"}}', "label"),
    ],
)
async def test_a_record_that_makes_no_sense_is_not_fired(
    namespace: Namespace, tmp_path: Path, field: str, value: bytes, words: str
) -> None:
    await add(namespace, someone(tmp_path))
    await namespace.redis.hset(keys.schedule(namespace.prefix, "nightly"), field, value)

    await not_fired(namespace, tmp_path, UsageError, words)

    [found] = await Schedules(namespace).list()
    assert found.name == "nightly"


async def test_what_is_not_of_one_task_is_not_taken_from_a_record(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    settings = b'{"queue":"q","is_draft":true,"delay_ms":9000,"envelope":"x","alien":1}'
    await namespace.redis.hset(keys.schedule(namespace.prefix, "nightly"), "task", settings)
    await come_due(namespace)

    [task] = (await fire(firing(namespace, tmp_path))).tasks

    assert task.outcome == "queued"


async def test_a_damaged_queue_refuses_and_the_time_stays(
    namespace: Namespace, tmp_path: Path
) -> None:
    await add(namespace, someone(tmp_path))
    await namespace.redis.set(keys.queue(namespace.prefix, "q"), "mine")

    await not_fired(namespace, tmp_path, ResponseError, "is no hash")

    await namespace.redis.delete(keys.queue(namespace.prefix, "q"))
