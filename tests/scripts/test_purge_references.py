"""What purge does to definitions and blobs, which tasks share."""

import hashlib

from rq_agent.broker import keys
from rq_agent.broker.blobs import TTL_S, Blobs
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import DefinitionUpload, EnqueueOutcome, Tasks

from .retiring import archived, make_due, purge
from .steps import DIGEST, add, claim_one, fields, finish, new_task

BLOB = hashlib.sha256(b"code").hexdigest()


async def referring(ns: Namespace, *blobs: str, salt: bytes = b"") -> DefinitionUpload:
    """Return a definition that refers to blobs, which are stored."""
    await Blobs(ns).put(BLOB, b"code")
    return DefinitionUpload(encoded=b"refers" + salt, blobs=blobs or (BLOB,))


def digest_of(upload: DefinitionUpload) -> str:
    return hashlib.sha256(upload.encoded).hexdigest()


async def archived_with(ns: Namespace, upload: DefinitionUpload) -> TaskId:
    task = new_task(definition=digest_of(upload))
    await Tasks(ns).enqueue([task], {task.definition: upload})
    await finish(ns, await claim_one(ns), "succeeded")
    await note(ns, task.id)
    return task.id


async def note(ns: Namespace, task_id: TaskId) -> None:
    """Let the archive have the end of a task, and let it be due."""
    stored = await fields(ns, task_id)
    await ns.scripts.archived([1, task_id, stored["finished_ms"], ""])
    await make_due(ns, task_id)


async def test_a_definition_goes_with_its_last_task(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    await archived(namespace)
    [other] = await add(namespace)

    await purge(namespace)
    assert await redis.hget(keys.references(p), f"d:{DIGEST}") == b"1"
    assert await redis.exists(keys.definition(p, DIGEST)) == 1

    await finish(namespace, await claim_one(namespace), "failed")
    await note(namespace, other)
    await purge(namespace)
    assert await redis.hget(keys.references(p), f"d:{DIGEST}") is None
    assert await redis.exists(keys.definition(p, DIGEST)) == 0


async def test_a_blob_ages_when_its_last_definition_went(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    one, two = await referring(namespace), await referring(namespace, salt=b"2")
    for upload in (one, two):
        await archived_with(namespace, upload)
    blob = keys.blob(p, BLOB)

    await purge(namespace, limit=1)
    assert await redis.hget(keys.references(p), f"blob:{BLOB}") == b"1"
    assert await redis.pttl(blob) == -1

    await purge(namespace)
    assert 0 < await redis.pttl(blob) <= TTL_S * 1000
    assert await redis.hgetall(keys.references(p)) == {}


async def test_a_blob_that_is_aging_may_be_referred_to_again(namespace: Namespace) -> None:
    upload = await referring(namespace)
    await archived_with(namespace, upload)
    assert await Blobs(namespace).missing([BLOB]) == []  # a submitter is told, and goes on
    await purge(namespace)

    task = new_task(definition=digest_of(upload))
    [answer] = await Tasks(namespace).enqueue([task], {task.definition: upload})

    assert answer.outcome == EnqueueOutcome.QUEUED
    assert await namespace.redis.pttl(keys.blob(namespace.prefix, BLOB)) == -1


async def test_a_count_that_was_lost_deletes_nothing(namespace: Namespace) -> None:
    p = namespace.prefix
    await archived(namespace)
    await add(namespace)
    await namespace.redis.hdel(keys.references(p), f"d:{DIGEST}")

    assert (await purge(namespace)).purged == 1

    assert await namespace.redis.exists(keys.definition(p, DIGEST)) == 1
