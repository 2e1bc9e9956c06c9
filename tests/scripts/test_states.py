"""What the scripts do with states agrees with the one table of allowed moves."""

from collections.abc import Awaitable, Callable

import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim, Outcome
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.script_text import source
from rq_agent.broker.states import ALLOWED_FROM, FINAL, Phase, TaskState
from rq_agent.broker.tasks import NewTask, Tasks

from .steps import beat, claim, enqueue, finish, new_task, state, tick

Action = Callable[[Namespace, NewTask, Claim], Awaitable[object]]


def ending(outcome: Outcome) -> Action:
    return lambda ns, task, token: finish(ns, token, outcome)


async def let_time_pass(ns: Namespace, task: NewTask, token: Claim) -> None:
    p = ns.prefix
    for key in (keys.leases(p), keys.delayed(p), keys.deadlines(p)):
        await ns.redis.zadd(key, {task.id: 1})
        await tick(ns)


ACTIONS: dict[str, Action] = {
    **{f"finish {outcome}": ending(outcome) for outcome in Outcome},
    "enqueue": lambda ns, task, token: enqueue(ns, task),
    "claim": lambda ns, task, token: claim(ns, worker="other"),
    "beat": lambda ns, task, token: beat(ns, token),
    "cancel": lambda ns, task, token: Tasks(ns).cancel(task.id),
    "phase": lambda ns, task, token: Leases(ns).phase(token, Phase.RUNNING),
    "used": lambda ns, task, token: Leases(ns).used(token, {}),
    "tick": let_time_pass,
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_script_moves_a_task_only_as_the_table_allows(
    namespace: Namespace, action: str
) -> None:
    for before in TaskState:
        task = new_task(max_lost=0)
        await enqueue(namespace, task)
        (token,) = (await claim(namespace)).claims
        await namespace.redis.hset(keys.task(namespace.prefix, task.id), "state", before.value)

        await ACTIONS[action](namespace, task, token)

        after = TaskState(await state(namespace, task.id))
        assert after == before or before in ALLOWED_FROM[after], f"{before} -> {after}"
        assert before not in FINAL or after == before
        await Tasks(namespace).cancel(task.id)
        await namespace.redis.hset(keys.task(namespace.prefix, task.id), "state", "succeeded")
        while (await claim(namespace)).claims:
            pass


def test_lua_knows_the_same_final_states() -> None:
    (listed,) = source("finish").split("local FINAL = {")[1:]

    named = {part.split("=")[0].strip() for part in listed.split("}")[0].split(",")} - {""}

    assert named == {final.value for final in FINAL}
