"""Tasks that are enqueued and claimed, but never run."""

import time
from collections.abc import Sequence
from typing import Final

from rq_agent.broker import definition as definitions
from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec
from rq_agent.broker.envelope import LARGE_GROUP, sign
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.signed_task import SignedTask
from rq_agent.broker.tasks import DefinitionUpload, NewTask

from .stage import QUEUE, Stage

BATCH: Final = 200
ARGUMENT: Final = "x" * 200
"""Bytes of arguments of one task."""
_VALID_S: Final = 86_400


def stored_definition() -> tuple[str, DefinitionUpload]:
    """Return a definition without a blob, for tasks that nobody runs: its digest and itself."""
    definition = Definition(
        code=Code(form="file", blob="0" * 64, size_bytes=1, file_name="script.py"),
        environment=EnvironmentSpec(),
        entry=Entry(script="script.py"),
    )
    encoded = definitions.encode(definition)
    return definitions.digest(encoded), DefinitionUpload(encoded=encoded)


def unsigned(
    where: Stage, count: int, digest: str, *, argument: str = ARGUMENT
) -> list[SignedTask]:
    """Return tasks to sign."""
    until = int(time.time()) + _VALID_S
    return [
        SignedTask(
            namespace=where.namespace.name,
            task_id=task_id,
            definition=digest,
            argv=(argument,),
            not_after=until,
            user="bench",
        )
        for task_id in where.ids.many(count)
    ]


def signed(tasks: Sequence[SignedTask], pair: KeyPair, *, a_signature: int) -> list[NewTask]:
    """Return tasks ready to be sent, up to `a_signature` of them under each signature."""
    envelopes = sign(tasks, pair, group=min(a_signature, LARGE_GROUP))
    return [_new(task, envelope) for task, envelope in zip(tasks, envelopes, strict=True)]


def _new(task: SignedTask, envelope: bytes) -> NewTask:
    return NewTask(
        id=TaskId(task.task_id),
        queue=QUEUE,
        name="script.py",
        user=task.user,
        definition=task.definition,
        envelope=envelope,
    )
