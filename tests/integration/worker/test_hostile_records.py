"""Records that somebody else wrote into Redis: never run, told apart, and the worker goes on."""

import time
from collections.abc import Awaitable, Callable

import pytest

from rq_agent.broker import definition as definitions
from rq_agent.broker import keys
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need, encode, shape_id
from rq_agent.broker.record import Record
from rq_agent.broker.trust import TrustFile

from .lab import Lab
from .tampering import (
    KeyOf,
    definition_of,
    get,
    put,
    put_list,
    redefine,
    remove,
    set_field,
    sign_anew,
)

Attack = Callable[[Lab, TaskId], Awaitable[None]]
"""Changes what Redis holds of a task, a definition or a blob."""


class Victim:
    """A task whose run would leave a mark."""

    def __init__(self, lab: Lab) -> None:
        self.mark = lab.folder / "it-ran"
        self.script = f"open({str(self.mark)!r}, 'w').close()"

    @property
    def ran(self) -> bool:
        return self.mark.exists()


async def outcome(lab: Lab, bad: TaskId, *, good: TaskId | None = None) -> Record:
    """Let one worker have the bad task, then a good one; return what became of the bad one."""
    good = good or await lab.submit("print('still here')")
    async with lab.worker(queues=("secret", "default")):
        [last] = await lab.ended(good)
    assert last.state == "succeeded"
    return await lab.record(bad)


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


async def test_a_record_of_another_type_does_not_stop_its_queue(lab: Lab) -> None:
    bad = await lab.submit("print('never')")
    await put_list(lab, keys.task, bad)

    await outcome(lab, bad)

    assert [e.event for e in await lab.events() if e.task_id == bad] == ["enqueued", "ghost"]
    await remove(lab, keys.task, bad)


@pytest.mark.parametrize("key", [keys.extra, keys.history])
async def test_side_records_of_another_type_change_nothing_for_the_task(
    lab: Lab, key: KeyOf
) -> None:
    task_id = await lab.submit("import argparse; argparse.ArgumentParser().parse_args()")
    await put(lab, key, task_id, b"odd")

    await outcome(lab, task_id)
    await remove(lab, key, task_id)

    assert (await lab.record(task_id)).exit_code == 0


async def test_a_log_of_another_type_costs_the_log_only(lab: Lab) -> None:
    task_id = await lab.submit("print('unheard')")
    key = keys.log(lab.namespace.prefix, task_id, 1)
    await lab.namespace.redis.set(key, "odd")

    record = await outcome(lab, task_id)

    assert record.exit_code == 0
    await lab.namespace.redis.delete(key)


@pytest.mark.parametrize("grace", ["9" * 5_000, "-1", "soon", "1e9"])
async def test_a_cancel_with_an_odd_grace_stops_the_task_and_not_the_worker(
    lab: Lab, grace: str
) -> None:
    async with lab.worker():
        bad = await lab.submit("import time; print('started', flush=True); time.sleep(600)")
        await lab.reached(bad, "phase", phase="running")
        inbox = keys.inbox(lab.namespace.prefix, "w1")
        await lab.namespace.redis.xadd(inbox, {"c": "cancel", "id": bad, "g": grace})
        await lab.namespace.redis.xadd(inbox, {b"\xff": b"\xff"})
        [record] = await lab.ended(bad)

        assert (await lab.ended(await lab.submit("print('still here')")))[0].exit_code == 0

    assert record.state == "cancelled"


async def test_a_queue_that_somebody_overwrote_stops_nothing_that_runs(lab: Lab) -> None:
    async with lab.worker(slots=2):
        running = await lab.submit(
            "import os; os.mkfifo('go'); print('started', flush=True); print(open('go').read())"
        )
        await lab.reached(running, "phase", phase="running")
        await lab.printed(running, "started")
        line = keys.ready(lab.namespace.prefix, "default", shape_id(Need()))
        await lab.namespace.redis.set(line, "odd")
        await lab.namespace.redis.sadd(
            keys.ready_queues(lab.namespace.prefix, shape_id(Need())), "default"
        )
        await wake(lab, "w1")
        await lab.reached_beat("w1")
        (lab.run_folder(running) / "tree" / "go").write_text("went on")
        [record] = await lab.ended(running)
        await lab.namespace.redis.delete(line)
        [after] = await lab.ended(await lab.submit("print('claimed again')"))

    assert (record.state, after.state) == ("succeeded", "succeeded")


async def wake(lab: Lab, worker: str) -> None:
    """Make a worker ask for tasks."""
    inbox = keys.inbox(lab.namespace.prefix, worker)
    await lab.namespace.redis.xadd(inbox, {"c": "wake"})


async def test_a_trust_file_that_others_may_write_ends_the_worker_and_not_the_task(
    lab: Lab,
) -> None:
    victim = Victim(lab)
    task_id = await lab.submit(victim.script)
    (lab.home.config / "trust.json").chmod(0o666)

    await lab.work()

    record = await lab.record(task_id)
    assert (record.state, record.attempt, record.lost) == ("queued", 1, 0)
    assert not victim.ran
