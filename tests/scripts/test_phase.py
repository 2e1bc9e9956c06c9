import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.states import Phase

from .steps import events, fields, finish, lose, running


async def test_a_phase_is_shown_and_goes_with_the_end(namespace: Namespace) -> None:
    claim = await running(namespace)

    for phase in Phase:
        assert await Leases(namespace).phase(claim, phase) == FinishCode.APPLIED
        assert (await fields(namespace, claim.task_id))["phase"] == phase

    assert [e["phase"] for e in await events(namespace, "phase")] == list(Phase)
    await finish(namespace, claim, "succeeded")
    assert (await fields(namespace, claim.task_id))["phase"] == ""


@pytest.mark.parametrize("wrong", [{"fence": 0}, {"fence": 2}, {"nonce": "other"}])
async def test_the_phase_of_another_claim_is_fenced(
    namespace: Namespace, wrong: dict[str, object]
) -> None:
    claim = await running(namespace)

    code = await Leases(namespace).phase(msgspec.structs.replace(claim, **wrong), Phase.ENVIRONMENT)

    assert code == FinishCode.FENCED
    assert "phase" not in await fields(namespace, claim.task_id)


async def test_the_phase_of_a_lost_task_is_fenced(namespace: Namespace) -> None:
    claim = await running(namespace)
    await lose(namespace, claim.task_id)

    assert await Leases(namespace).phase(claim, Phase.RUNNING) == FinishCode.FENCED


async def test_the_phase_of_a_task_without_a_record_is_gone(namespace: Namespace) -> None:
    claim = await running(namespace)
    await namespace.redis.delete(keys.task(namespace.prefix, claim.task_id))

    assert await Leases(namespace).phase(claim, Phase.RUNNING) == FinishCode.GONE


async def test_a_phase_that_is_told_again_is_one_event(namespace: Namespace) -> None:
    claim = await running(namespace)

    codes = [await Leases(namespace).phase(claim, Phase.RUNNING) for _ in range(2)]

    assert (codes, len(await events(namespace, "phase"))) == ([FinishCode.APPLIED] * 2, 1)
