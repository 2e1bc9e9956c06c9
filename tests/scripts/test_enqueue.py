from rq_agent.broker.claims import FinishCode
from rq_agent.broker.namespace import Namespace

from .steps import add, claim, finish, line, state


async def test_a_task_goes_from_enqueue_through_claim_to_its_end(namespace: Namespace) -> None:
    (task_id,) = await add(namespace)
    assert await line(namespace) == [task_id]

    (taken,) = (await claim(namespace)).claims
    assert await state(namespace, task_id) == "running"

    assert await finish(namespace, taken, "succeeded", exit_code=0) == FinishCode.APPLIED
    assert await state(namespace, task_id) == "succeeded"
