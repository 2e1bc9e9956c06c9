from rq_agent.broker.draining import Draining
from rq_agent.broker.namespace import Namespace

from .steps import add, beat, claim, messages, running


async def test_a_worker_that_is_to_start_anew_claims_no_more(namespace: Namespace) -> None:
    held = await running(namespace)
    await add(namespace)

    assert await Draining(namespace, who="ada").restart("w")

    assert await messages(namespace) == [{"c": "look"}]
    assert (await claim(namespace, park=True)).claims == ()
    told = await beat(namespace, held)
    assert (told.command, told.told_by, told.lost) == ("restart", "ada", ())


async def test_an_unknown_worker_is_not_restarted(namespace: Namespace) -> None:
    assert not await Draining(namespace).restart("nobody")
