"""Records that somebody else wrote into Redis: never run, told apart, and the worker goes on."""

import time
from collections.abc import Awaitable, Callable

import pytest

from rq_agent.broker import definition as definitions
from rq_agent.broker import keys
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need, encode, shape_id
from rq_agent.broker.trust import TrustFile

from .lab import Lab
from .tampering import (
    definition_of,
    get,
    put,
    put_list,
    redefine,
    remove,
    set_field,
    sign_anew,
)
from .victims import Victim, outcome

Attack = Callable[[Lab, TaskId], Awaitable[None]]
"""Changes what Redis holds of a task, a definition or a blob."""


async def is_quarantined(lab: Lab, bad: TaskId) -> str:
    """Return why, after looking at the record and at the event."""
    record = await outcome(lab, bad)
    assert record.state == "errored"
    assert record.reason.startswith("quarantined: "), record.reason
    told = [e.fields for e in await lab.events() if (e.task_id, e.event) == (bad, "errored")]
    assert [fields["reason"] for fields in told] == [record.reason[:200]]
    assert record.reason in await lab.output(bad, "sys")
    return record.reason


async def forge(lab: Lab, task_id: TaskId) -> None:
    await sign_anew(lab, task_id, KeyPair.load_or_create(lab.folder / "keys", "mallory"))


async def forge_under_a_trusted_name(lab: Lab, task_id: TaskId) -> None:
    mallory = KeyPair.load_or_create(lab.folder / "keys", "mallory")
    await sign_anew(lab, task_id, mallory)
    envelope = await get(lab, keys.arguments, task_id)
    trusted = envelope.replace(mallory.key_id.encode(), lab.pair.key_id.encode())
    assert trusted != envelope
    await put(lab, keys.arguments, task_id, trusted)


async def alter(lab: Lab, task_id: TaskId) -> None:
    envelope = await get(lab, keys.arguments, task_id)
    altered = envelope.replace(b"harmless", b"harmful!")
    assert altered != envelope
    await put(lab, keys.arguments, task_id, altered)


async def replay(lab: Lab, task_id: TaskId) -> None:
    other = await lab.submit("print('an honest task')")
    await put(lab, keys.arguments, task_id, await get(lab, keys.arguments, other))


async def come_from_another_namespace(lab: Lab, task_id: TaskId) -> None:
    await sign_anew(lab, task_id, namespace="elsewhere")


async def expire(lab: Lab, task_id: TaskId) -> None:
    await sign_anew(lab, task_id, not_after=int(time.time()) - 1)


async def ask_for_less(lab: Lab, task_id: TaskId) -> None:
    await sign_anew(lab, task_id, need=Need(gpus=8))


async def point_to_another_definition(lab: Lab, task_id: TaskId) -> None:
    other = await lab.record(await lab.submit("print('another script')"))
    await set_field(lab, task_id, "definition", other.definition)


async def point_nowhere(lab: Lab, task_id: TaskId) -> None:
    await set_field(lab, task_id, "definition", "x" * 1_000_000)


async def oversize(lab: Lab, task_id: TaskId) -> None:
    await put(lab, keys.arguments, task_id, bytes(300_000))


async def take_away(lab: Lab, task_id: TaskId) -> None:
    await remove(lab, keys.arguments, task_id)


async def make_a_list(lab: Lab, task_id: TaskId) -> None:
    await put_list(lab, keys.arguments, task_id)


async def garble(lab: Lab, task_id: TaskId) -> None:
    await put(lab, keys.arguments, task_id, b"RQA1" + b"\x9f" * 40_000)


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (forge, "is not in this worker's trust file"),
        (forge_under_a_trusted_name, "signature"),
        (alter, "signature"),
        (replay, "is of another task"),
        (come_from_another_namespace, "is of another task"),
        (expire, "signature expired"),
        (ask_for_less, "signed for needs of shape"),
        (point_to_another_definition, "is of another task"),
        (point_nowhere, "is of another task"),
        (oversize, "missing or too large"),
        (take_away, "missing or too large"),
        (make_a_list, "missing or too large"),
        (garble, "not a signed task"),
    ],
)
async def test_arguments_that_nobody_trusted_signed_for_this_task_are_quarantined(
    lab: Lab, attack: Attack, why: str
) -> None:
    victim = Victim(lab)
    bad = await lab.submit(victim.script, env={"MOOD": "harmless"})
    await attack(lab, bad)

    reason = await is_quarantined(lab, bad)

    assert why in reason
    assert len(reason) < 2_000
    assert not victim.ran
    await remove(lab, keys.arguments, bad)


async def cut_the_definition_short(lab: Lab, digest: str) -> None:
    await put(lab, keys.definition, digest, (await get(lab, keys.definition, digest))[:-1])


async def replace_the_definition(lab: Lab, digest: str) -> None:
    content = await get(lab, keys.definition, digest)
    await put(lab, keys.definition, digest, content.replace(b"script.py", b"other_.py"))


async def garble_the_definition(lab: Lab, digest: str) -> None:
    await put(lab, keys.definition, digest, b"\xc1" * 1_000)


async def swell_the_definition(lab: Lab, digest: str) -> None:
    await put(lab, keys.definition, digest, bytes(2_000_000))


async def make_the_definition_a_list(lab: Lab, digest: str) -> None:
    await put_list(lab, keys.definition, digest)


async def remove_the_definition(lab: Lab, digest: str) -> None:
    await remove(lab, keys.definition, digest)


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (cut_the_definition_short, "was altered"),
        (replace_the_definition, "was altered"),
        (garble_the_definition, "was altered"),
        (swell_the_definition, "is larger than"),
        (make_the_definition_a_list, "something else than bytes"),
        (remove_the_definition, "is not in redis"),
    ],
)
async def test_a_definition_that_is_not_what_was_signed_is_quarantined(
    lab: Lab, attack: Attack, why: str
) -> None:
    victim = Victim(lab)
    bad = await lab.submit(victim.script)
    await attack(lab, TaskId((await lab.record(bad)).definition))

    assert why in await is_quarantined(lab, bad)
    assert not victim.ran
    await remove(lab, keys.definition, (await lab.record(bad)).definition)


async def test_a_signed_definition_that_is_none_is_quarantined(lab: Lab) -> None:
    """A trusted key signed it, so the worker looks inside."""
    victim = Victim(lab)
    bad = await lab.submit(victim.script)
    encoded = definitions.encode(await definition_of(lab, bad))
    await redefine(lab, bad, encoded.replace(b"script.py", b"scrip\xff.py"))

    assert "is malformed" in await is_quarantined(lab, bad)
    assert not victim.ran


async def replace_the_code(lab: Lab, blob: str) -> None:
    content = await get(lab, keys.blob, blob)
    await put(lab, keys.blob, blob, content[:-1] + b"#")


async def swell_the_code(lab: Lab, blob: str) -> None:
    await put(lab, keys.blob, blob, await get(lab, keys.blob, blob) + bytes(1_000))


async def make_the_code_a_list(lab: Lab, blob: str) -> None:
    await put_list(lab, keys.blob, blob)


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        (replace_the_code, "was altered or cut short"),
        (swell_the_code, "was altered or cut short"),
        (make_the_code_a_list, "something else than bytes"),
    ],
)
async def test_code_that_is_not_what_was_signed_is_quarantined(
    lab: Lab, attack: Attack, why: str
) -> None:
    victim = Victim(lab)
    bad = await lab.submit(victim.script)
    blob = TaskId((await definition_of(lab, bad)).code.blob)
    await attack(lab, blob)

    assert why in await is_quarantined(lab, bad)
    assert not victim.ran
    await remove(lab, keys.blob, blob)


async def test_code_that_is_gone_is_an_error_that_says_what_to_do(lab: Lab) -> None:
    bad = await lab.submit("print('never')")
    await remove(lab, keys.blob, (await definition_of(lab, bad)).code.blob)

    record = await outcome(lab, bad)

    assert record.state == "errored"
    assert record.reason.endswith("is no longer in redis: submit the task again")


async def test_a_queue_that_the_key_may_not_submit_to_is_refused(lab: Lab) -> None:
    victim = Victim(lab)
    apprentice = KeyPair.load_or_create(lab.folder / "keys", "apprentice")
    TrustFile(lab.home.config / "trust.json").add(apprentice.public, "apprentice", ["default"])
    bad = await lab.submit(victim.script, queue="secret", pair=apprentice)
    good = await lab.submit("print('allowed')", pair=apprentice)

    record = await outcome(lab, bad, good=good)

    assert record.state == "errored"
    assert "may not submit to queue secret" in record.reason
    assert record.reason.startswith("quarantined: ")
    assert not victim.ran


async def test_a_need_that_was_altered_fits_nowhere(lab: Lab) -> None:
    """A worker without GPUs must not take a task that needs one, whatever Redis says."""
    victim = Victim(lab)
    need = Need(gpus=1)
    bad = await lab.submit(victim.script, need=need)
    shapes = keys.shapes(lab.namespace.prefix)
    await lab.namespace.redis.hset(shapes, shape_id(need), encode(Need()))
    await lab.namespace.redis.hset(shapes, "s0123456789", b'{"\xff": 1}')

    record = await outcome(lab, bad)

    assert record.state == "queued"
    assert not victim.ran
