import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace

from .steps import extra, fields, lose, running


async def test_used_parameters_are_kept(namespace: Namespace) -> None:
    claim = await running(namespace)

    code = await Leases(namespace).used(claim, {"lr": "0.1", "näme": 'a "b"'})

    stored = await extra(namespace, claim.task_id)
    assert code == FinishCode.APPLIED
    assert msgspec.json.decode(stored["used"]) == {"lr": "0.1", "näme": 'a "b"'}
    assert (await fields(namespace, claim.task_id))["has_used"] == "1"


@pytest.mark.parametrize("wrong", [{"fence": 0}, {"fence": 2}, {"nonce": "other"}])
async def test_what_another_claim_used_is_fenced(
    namespace: Namespace, wrong: dict[str, object]
) -> None:
    claim = await running(namespace)

    code = await Leases(namespace).used(msgspec.structs.replace(claim, **wrong), {"lr": "1"})

    assert code == FinishCode.FENCED
    assert await extra(namespace, claim.task_id) == {}


async def test_what_a_lost_task_used_is_fenced(namespace: Namespace) -> None:
    claim = await running(namespace)
    await lose(namespace, claim.task_id)

    assert await Leases(namespace).used(claim, {"lr": "1"}) == FinishCode.FENCED


async def test_what_a_task_without_a_record_used_is_gone(namespace: Namespace) -> None:
    claim = await running(namespace)
    await namespace.redis.delete(keys.task(namespace.prefix, claim.task_id))

    assert await Leases(namespace).used(claim, {"lr": "1"}) == FinishCode.GONE
    assert await extra(namespace, claim.task_id) == {}
