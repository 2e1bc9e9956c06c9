"""People with keys and trust files, and tasks that they signed."""

import hashlib
import time
from pathlib import Path
from typing import Any

import msgspec

from rq_agent.broker import definition as definitions
from rq_agent.broker import keys
from rq_agent.broker.blobs import Blobs
from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec
from rq_agent.broker.envelope import SignedTask, Verifier, sign
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import DefinitionUpload
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.trust import TrustFile

from .steps import fields, new_task

BLOB = b"code"
BLOB_DIGEST = hashlib.sha256(BLOB).hexdigest()
ENCODED = definitions.encode(
    Definition(
        code=Code(form="pack", blob=BLOB_DIGEST, size_bytes=len(BLOB)),
        environment=EnvironmentSpec(python="3.12"),
        entry=Entry(script="train.py"),
    )
)
DIGEST = hashlib.sha256(ENCODED).hexdigest()
UPLOADS = {DIGEST: DefinitionUpload(encoded=ENCODED, blobs=(BLOB_DIGEST,))}


class Person:
    """Somebody with a key and a trust file."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.pair = KeyPair.load_or_create(folder / name, name)
        self.trust = TrustFile(folder / name / "trust.json")
        self.trust.add(self.pair.public, name, ["*"])

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.trust)


async def submitted(
    ns: Namespace, who: Person, *, signed: dict[str, Any] | None = None, **told: Any
) -> TaskId:
    """Enqueue a task that somebody signed."""
    await Blobs(ns).put(BLOB_DIGEST, BLOB)
    plain = new_task(definition=DIGEST)
    given: dict[str, Any] = {"argv": ("a",), "params": {"lr": "1"}, "env": {"A": "1"}}
    given |= {"not_after": int(time.time()) + 1000, "user": who.name} | (signed or {})
    task = SignedTask(namespace=ns.name, task_id=plain.id, definition=DIGEST, **given)
    (envelope,) = sign([task], who.pair)
    told = {"envelope": envelope, "need": task.need, "user": who.name} | told
    [added] = await Tasks(ns).enqueue([msgspec.structs.replace(plain, **told)], UPLOADS)
    return added.id


async def opened(ns: Namespace, task_id: TaskId, who: Person) -> SignedTask:
    """Return what a worker that trusts somebody would run."""
    stored = await fields(ns, task_id)
    envelope: Any = await ns.redis.get(keys.arguments(ns.prefix, task_id))
    return who.verifier.open(
        envelope,
        namespace=ns.name,
        task_id=task_id,
        definition=stored["definition"],
        queue=stored["queue"],
        shape=stored["shape"],
        now_s=time.time(),
    )
