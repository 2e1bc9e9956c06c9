"""A clone is a task like another one, signed by who asks for it; strangers' tasks are refused."""

import time
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.clones import Changes, clone
from rq_agent.broker.errors import TaskError, TaskNotFound, TrustError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.broker.new_task import NewTask, Parent
from rq_agent.broker.originals import live_source
from rq_agent.broker.tasks import Enqueued, Tasks

from .people import BLOB_DIGEST, DIGEST, Person, opened, submitted
from .steps import add, extra, fields, state


@pytest.fixture
def me(tmp_path: Path) -> Person:
    return Person(tmp_path, "me")


@pytest.fixture
def other(tmp_path: Path) -> Person:
    return Person(tmp_path, "other")


async def cloned(
    ns: Namespace, task_id: TaskId, who: Person, **changes: Any
) -> tuple[NewTask, Enqueued]:
    source = await live_source(ns, task_id)
    task = clone(
        source,
        who.verifier,
        who.pair,
        Changes(**changes),
        namespace=ns.name,
        user=who.name,
    )
    [added] = await Tasks(ns).enqueue([task], {task.definition: source.upload})
    return task, added


async def test_a_clone_is_like_its_original_and_signed_by_who_asked(
    namespace: Namespace, me: Person, other: Person
) -> None:
    need = Need(gpus=1)
    told: dict[str, Any] = {
        "name": "train",
        "labels": {"team": "a"},
        "priority": 7,
        "retry": "2 f 10 10 0 e",
        "concurrency_key": "disk",
        "concurrency_limit": 3,
        "unique": "nightly",
        "lease_ms": 5_000,
        "max_lost": 1,
        "queue_timeout_ms": 9_000,
        "result_ttl_ms": 8_000,
        "timeout_ms": 60_000,
        "params": {"lr": "1"},
    }
    limits: dict[str, Any] = {"mem_limit_mib": 512.0, "exclusive": "kill"}
    limits |= {"need": need, "timeout_s": 60.0, "grace_s": 5.0}
    task_id = await submitted(namespace, other, signed=limits, **told)
    await Tasks(namespace).cancel(task_id)
    me.trust.add(other.pair.public, "other", ["q"])

    task, added = await cloned(namespace, task_id, me)

    assert added.outcome == "queued"
    before, after = await fields(namespace, task_id), await fields(namespace, task.id)
    same = {"name", "queue", "shape", "priority", "retry", "key", "key_limit", "unique"}
    same |= {"lease_ms", "max_lost", "queue_timeout_ms", "result_ttl_ms", "timeout_ms"}
    assert {f: after.get(f) for f in same} == {f: before.get(f) for f in same}
    assert after["user"] == "me"
    assert (await extra(namespace, task.id))["labels"] == '{"team":"a"}'
    signed = await opened(namespace, task.id, me)
    assert (signed.argv, signed.params, signed.env) == (("a",), {"lr": "1"}, {"A": "1"})
    assert {name: getattr(signed, name) for name in limits} == limits
    assert signed.user == "me"
    with pytest.raises(TrustError):
        await opened(namespace, task.id, other)


async def test_what_was_to_be_changed_is_changed(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, labels={"a": "1", "b": "1"})

    task, added = await cloned(
        namespace,
        task_id,
        me,
        argv=("b",),
        params={"lr": "2", "n": "3"},
        env={"B": "2"},
        need=Need(cpus=2.0),
        queue="other",
        priority=-3,
        name="again",
        labels={"b": "2"},
        timeout_s=5.0,
        mem_limit_mib=64.0,
        is_draft=True,
    )

    assert added.outcome == "draft"
    record = await Lookups(namespace).record(task.id)
    assert (record.queue, record.priority, record.name) == ("other", -3, "again")
    assert (record.labels, record.params) == ({"a": "1", "b": "2"}, {"lr": "2", "n": "3"})
    assert record.timeout_s == 5.0
    signed = await opened(namespace, task.id, me)
    assert (signed.argv, signed.params) == (("b",), {"lr": "2", "n": "3"})
    assert (signed.env, signed.need) == ({"A": "1", "B": "2"}, Need(cpus=2.0))
    assert signed.mem_limit_mib == 64.0
    assert (await opened(namespace, task_id, me)).params == {"lr": "1"}


async def test_the_original_may_be_deleted_at_the_same_time(
    namespace: Namespace, me: Person
) -> None:
    task_id = await submitted(namespace, me)
    source = await live_source(namespace, task_id)
    p = namespace.prefix
    await namespace.redis.delete(
        keys.task(p, task_id), keys.definition(p, DIGEST), keys.references(p)
    )

    task = clone(source, me.verifier, me.pair, Changes(), namespace=namespace.name, user="me")
    [added] = await Tasks(namespace).enqueue([task], {DIGEST: source.upload})

    assert added.outcome == "queued"
    assert await namespace.redis.exists(keys.definition(p, DIGEST))
    assert await namespace.redis.pttl(keys.blob(p, BLOB_DIGEST)) == -1


# whom one trusts


async def test_what_a_stranger_signed_is_refused_and_the_key_is_named(
    namespace: Namespace, me: Person, other: Person
) -> None:
    task_id = await submitted(namespace, other)

    with pytest.raises(TrustError, match=f"task {task_id} .* key {other.pair.key_id} is not in"):
        await cloned(namespace, task_id, me)


async def test_a_key_for_one_queue_does_not_reach_another_by_a_clone(
    namespace: Namespace, me: Person, other: Person
) -> None:
    me.trust.add(other.pair.public, "other", ["q"])
    task_id = await submitted(namespace, other)

    with pytest.raises(TrustError, match="may not submit to queue gpu"):
        await cloned(namespace, task_id, me, queue="gpu")

    _, added = await cloned(namespace, task_id, me)
    assert added.outcome == "queued"


@pytest.mark.parametrize("forgery", ["of another task", "altered", "none"])
async def test_a_forged_envelope_is_not_signed_anew(
    namespace: Namespace, me: Person, forgery: str
) -> None:
    p = namespace.prefix
    task_id, victim = await submitted(namespace, me), await submitted(namespace, me)
    stolen: Any = await namespace.redis.get(keys.arguments(p, victim))
    own: Any = await namespace.redis.get(keys.arguments(p, task_id))
    content = {"of another task": stolen, "altered": own.replace(b"lr", b"xx"), "none": b""}
    await namespace.redis.set(keys.arguments(p, task_id), content[forgery])

    with pytest.raises(TrustError, match=f"task {task_id}"):
        await cloned(namespace, task_id, me)


async def test_an_old_signature_can_be_renewed(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, signed={"not_after": 1})
    with pytest.raises(TrustError, match="expired"):
        await opened(namespace, task_id, me)

    task, _ = await cloned(namespace, task_id, me, delay_ms=86_400_000)

    assert (await opened(namespace, task.id, me)).not_after > time.time() + 86_400


# families and keys


async def test_a_clone_waits_for_the_same_parents_until_the_original_ended(
    namespace: Namespace, me: Person
) -> None:
    (parent,) = await add(namespace)
    task_id = await submitted(namespace, me, parents=(Parent(parent),))

    _, waiting = await cloned(namespace, task_id, me)
    assert waiting.outcome == "waiting"

    await Tasks(namespace).cancel(task_id)
    _, queued = await cloned(namespace, task_id, me)
    assert queued.outcome == "queued"


async def test_a_unique_key_is_kept_unless_told_otherwise(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me, unique="nightly")

    _, refused = await cloned(namespace, task_id, me)
    _, free = await cloned(namespace, task_id, me, unique="")
    _, replaced = await cloned(namespace, task_id, me, replaces=True)

    assert (refused.outcome, refused.other) == ("unique", task_id)
    assert (free.outcome, replaced.outcome) == ("queued", "queued")
    assert await state(namespace, task_id) == "cancelled"


# what is gone


async def test_a_task_whose_code_is_gone_is_not_cloned(namespace: Namespace, me: Person) -> None:
    p = namespace.prefix
    task_id = await submitted(namespace, me)
    await namespace.redis.delete(keys.blob(p, BLOB_DIGEST))
    with pytest.raises(TaskError, match=f"task {task_id}: its code is not in redis any more"):
        await live_source(namespace, task_id)

    await namespace.redis.delete(keys.definition(p, DIGEST))
    with pytest.raises(TaskError, match=f"task {task_id}: definition .* is not in redis"):
        await live_source(namespace, task_id)


async def test_an_altered_definition_is_not_cloned(namespace: Namespace, me: Person) -> None:
    task_id = await submitted(namespace, me)
    await namespace.redis.append(keys.definition(namespace.prefix, DIGEST), b"x")

    with pytest.raises(TaskError, match="was altered"):
        await live_source(namespace, task_id)


async def test_a_task_that_does_not_exist_is_named(namespace: Namespace) -> None:
    with pytest.raises(TaskNotFound, match="task nope"):
        await live_source(namespace, TaskId("nope"))


async def test_strange_fields_do_not_stop_a_clone(namespace: Namespace, me: Person) -> None:
    p = namespace.prefix
    task_id = await submitted(namespace, me)
    strange: Any = {"priority": "x", "lease_ms": "-1", "max_lost": "9" * 30, "key_limit": "0"}
    await namespace.redis.hset(keys.task(p, task_id), mapping=strange | {"zzz": b"\xff"})
    await namespace.redis.hset(keys.extra(p, task_id), "labels", "{")

    task, added = await cloned(namespace, task_id, me)

    assert added.outcome == "queued"
    assert (task.priority, task.lease_ms, task.max_lost, task.concurrency_limit) == (0, 0, 3, 1)
