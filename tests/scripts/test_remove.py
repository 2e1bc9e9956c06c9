"""Tasks that ended, and drafts, are forgotten at once; what others need stays."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.answers import Answer
from rq_agent.broker.drafts import Drafts
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Condition, Parent
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.verbs import removing

from .people import BLOB_DIGEST, DIGEST, Person, submitted
from .retiring import archived, collect, ended, keys_of, purge
from .steps import add, claim_one, events, finish, running


async def remove(ns: Namespace, task_id: TaskId) -> Answer:
    [answer] = await removing(ns)([task_id])
    return answer


async def test_a_task_that_ended_leaves_nothing_behind(namespace: Namespace) -> None:
    task_id = (await ended(namespace, labels={"a": "b"}, name="n", user="me")).task_id

    assert await remove(namespace, task_id) == Answer(task_id, "removed")

    assert await keys_of(namespace, task_id) == set()
    assert await namespace.redis.hgetall(keys.references(namespace.prefix)) == {}
    assert [e["id"] for e in await events(namespace, "removed")] == [task_id]
    assert await collect(namespace) == []
    assert (await purge(namespace)).dropped == 0
    assert await remove(namespace, task_id) == Answer(task_id, "missing")


async def test_it_says_whether_the_archive_keeps_a_copy(namespace: Namespace) -> None:
    task_id = (await archived(namespace)).task_id

    assert await remove(namespace, task_id) == Answer(task_id, "removed", "archived")


async def test_an_end_that_the_archive_has_not_is_not_said_to_be_there(
    namespace: Namespace,
) -> None:
    task_id = (await archived(namespace)).task_id
    await Drafts(namespace).reset(task_id)
    await Drafts(namespace).enqueue(task_id)
    await finish(namespace, await claim_one(namespace), "failed")

    assert await remove(namespace, task_id) == Answer(task_id, "removed")


@pytest.mark.parametrize("now", ["queued", "running"])
async def test_a_task_that_has_not_ended_stays(namespace: Namespace, now: str) -> None:
    task_id = (await add(namespace))[0] if now == "queued" else (await running(namespace)).task_id
    before = await keys_of(namespace, task_id)

    assert await remove(namespace, task_id) == Answer(task_id, "state", now)

    assert await keys_of(namespace, task_id) == before


async def test_the_last_task_of_a_definition_takes_it_along(
    namespace: Namespace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    p, redis = namespace.prefix, namespace.redis
    me = Person(tmp_path_factory.mktemp("me"), "me")
    first, second = [await submitted(namespace, me, is_draft=True) for _ in range(2)]

    await remove(namespace, first)
    assert await redis.exists(keys.definition(p, DIGEST))
    assert await redis.pttl(keys.blob(p, BLOB_DIGEST)) == -1

    await remove(namespace, second)
    assert not await redis.exists(keys.definition(p, DIGEST))
    assert 0 < await redis.pttl(keys.blob(p, BLOB_DIGEST)) <= 3_600_000
    assert await redis.hgetall(keys.references(p)) == {}


@pytest.mark.parametrize("child", ["waiting", "draft"])
async def test_a_parent_that_somebody_needs_stays_until_that_one_is_gone(
    namespace: Namespace, child: str
) -> None:
    parent = (await ended(namespace)).task_id
    (other,) = await add(namespace, queue="o")
    edges = (Parent(parent), Parent(other, Condition.ANY))
    (task_id,) = await add(namespace, parents=edges, is_draft=child == "draft")

    answer = await remove(namespace, parent)
    assert answer == Answer(parent, "needed", "1")
    assert "1 tasks that have not ended wait for it" in answer.problem

    if child == "waiting":
        await Tasks(namespace).cancel(task_id)
    assert (await remove(namespace, task_id)).outcome == "removed"
    assert (await remove(namespace, parent)).outcome == "removed"
    assert await keys_of(namespace, parent) == set()


async def test_logs_of_every_attempt_go_along(namespace: Namespace) -> None:
    token = await ended(namespace)
    log = keys.log(namespace.prefix, token.task_id, token.fence)
    await namespace.redis.xadd(log, {"o": "said"})
    await namespace.redis.pexpire(log, 60_000)

    await remove(namespace, token.task_id)

    assert not await namespace.redis.exists(log)
