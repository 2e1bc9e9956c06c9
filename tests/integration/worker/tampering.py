"""What anybody with access to Redis, or a trusted key, can do to records."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import msgspec

from rq_agent.broker import definition as definitions
from rq_agent.broker import keys
from rq_agent.broker.definition import Definition
from rq_agent.broker.envelope import SignedTask, sign
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import Prefix, TaskId

from .lab import Lab

KeyOf = Callable[[Prefix, Any], str]
"""A function of keys.py that names a key by one more word."""


async def get(lab: Lab, key: KeyOf, name: str) -> bytes:
    """Return the bytes under a key."""
    content: Any = await lab.namespace.redis.get(key(lab.namespace.prefix, name))
    return bytes(content)


async def put(lab: Lab, key: KeyOf, name: str, content: bytes) -> None:
    """Replace whatever is under a key by bytes."""
    await remove(lab, key, name)
    await lab.namespace.redis.set(key(lab.namespace.prefix, name), content)


async def put_list(lab: Lab, key: KeyOf, name: str) -> None:
    """Replace whatever is under a key by a list."""
    await remove(lab, key, name)
    await lab.namespace.redis.rpush(key(lab.namespace.prefix, name), "odd")


async def remove(lab: Lab, key: KeyOf, name: str) -> None:
    """Remove a key."""
    await lab.namespace.redis.delete(key(lab.namespace.prefix, name))


async def set_field(lab: Lab, task_id: TaskId, field: str, value: str) -> None:
    """Change a field of a task's hash."""
    await lab.namespace.redis.hset(keys.task(lab.namespace.prefix, task_id), field, value)


async def sign_anew(
    lab: Lab, task_id: TaskId, pair: KeyPair | None = None, **other: object
) -> None:
    """Put another signed envelope in place of a task's own."""
    record = await lab.record(task_id)
    fields = {
        "namespace": lab.namespace.name,
        "task_id": task_id,
        "definition": record.definition,
        "not_after": int(time.time()) + 3600,
    }
    task = msgspec.convert(fields | other, SignedTask)
    await put(lab, keys.arguments, task_id, sign([task], pair or lab.pair)[0])


async def definition_of(lab: Lab, task_id: TaskId) -> Definition:
    """Return what Redis holds as the definition of a task."""
    encoded = await get(lab, keys.definition, (await lab.record(task_id)).definition)
    return msgspec.msgpack.decode(encoded, type=Definition)


async def redefine(lab: Lab, task_id: TaskId, encoded: bytes) -> str:
    """Give a task another definition, signed by the submitter; return its digest."""
    digest = hashlib.sha256(encoded).hexdigest()
    await put(lab, keys.definition, digest, encoded)
    await set_field(lab, task_id, "definition", digest)
    await sign_anew(lab, task_id, definition=digest)
    return digest


async def start_another_script(lab: Lab, task_id: TaskId, script: str) -> None:
    """Give a task a definition that names another script of the same snapshot."""
    was = await definition_of(lab, task_id)
    entry = msgspec.structs.replace(was.entry, script=script)
    now = msgspec.structs.replace(was, entry=entry)
    await redefine(lab, task_id, definitions.encode(now))
