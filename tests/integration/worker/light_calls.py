"""Submits calls of functions: light tasks."""

from typing import Any

from msgspec import structs

from rq_agent.broker.definition import Function
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.submission import Submission, new_task, pack
from rq_agent.broker.tasks import Tasks

from .lab import Lab

_BATCH = 200


async def enqueue(
    lab: Lab, script: str, function: str, *calls: str, pair: KeyPair | None = None, **options: Any
) -> list[TaskId]:
    """Add calls of one coroutine function of a script; a call is JSON `[[args], {kwargs}]`."""
    target = lab.script(script)
    submission = Submission(
        target=target,
        workdir=target.parent,
        user="ada",
        function=Function(name=function, kind="coroutine"),
        light=True,
        **options,
    )
    packed = await pack(lab.namespace, submission, progress=lambda text: None)
    submissions = [structs.replace(submission, call=call) for call in calls]
    name, signer = lab.namespace.name, pair or lab.pair
    tasks = [new_task(name, each, packed.digest, signer) for each in submissions]
    for start in range(0, len(tasks), _BATCH):
        batch = tasks[start : start + _BATCH]
        await Tasks(lab.namespace).enqueue(batch, {packed.digest: packed.upload})
    return [task.id for task in tasks]
