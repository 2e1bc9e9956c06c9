from rq_agent.broker.claims import FinishCode
from rq_agent.broker.namespace import Namespace

from .steps import add, claim, finish, line, state


async def test_a_task_goes_from_enqueue_through_claim_to_its_end(ns: Namespace) -> None:
    (task_id,) = await add(ns)
    assert await line(ns) == [task_id]

    (taken,) = (await claim(ns)).claims
    assert await state(ns, task_id) == "running"

    assert await finish(ns, taken, "succeeded", exit_code=0) == FinishCode.APPLIED
    assert await state(ns, task_id) == "succeeded"
