"""All about one task: what it was asked to do, and what binds it to others."""

from pathlib import Path

from rq_agent.broker import keys
from rq_agent.broker.envelope import sign
from rq_agent.broker.ids import TaskIds
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Condition, Parent
from rq_agent.broker.signed_task import SignedTask
from rq_agent.broker.task_details import details_json, gather

from .steps import DIGEST, add, claim_one, enqueue, finish, new_task, running


def signed(namespace: Namespace, task_id: str, folder: Path) -> bytes:
    task = SignedTask(
        namespace=namespace.name,
        task_id=task_id,
        definition=DIGEST,
        argv=("--epochs", "3"),
        env={"MODE": "fast", "API_TOKEN": "s3cret"},
        not_after=1,
    )
    return sign([task], KeyPair.load_or_create(folder, "anybody"))[0]


async def test_what_a_task_was_asked_to_do_is_told_without_secrets(
    namespace: Namespace, tmp_path: Path
) -> None:
    task_id = TaskIds().new()
    await enqueue(namespace, new_task(id=task_id, envelope=signed(namespace, task_id, tmp_path)))

    details = await gather(namespace, task_id)

    assert details.asked is not None
    assert details.asked.arguments == ("--epochs", "3")
    assert details.asked.env == {"MODE": "fast", "API_TOKEN": "***"}
    assert "s3cret" not in str(details_json(details))


async def test_an_envelope_that_says_nothing_hides_nothing_else(namespace: Namespace) -> None:
    [task_id] = await add(namespace)
    await namespace.redis.set(keys.arguments(namespace.prefix, task_id), b"RQA1\xff")

    details = await gather(namespace, task_id)

    assert details.asked is None
    assert details.record.id == task_id


async def test_parents_and_children_are_told_with_their_states(namespace: Namespace) -> None:
    first = await running(namespace, name="first")
    [second] = await add(namespace, name="second")
    parents = (Parent(first.task_id), Parent(second, Condition.ANY))
    [child] = await add(namespace, parents=parents, name="child", concurrency_key="k")
    await finish(namespace, first, "succeeded", exit_code=0)

    above = (await gather(namespace, child)).links
    below = (await gather(namespace, second)).links

    assert [(link.id, link.condition, link.state, link.name) for link in above.parents] == [
        (first.task_id, "ok", "succeeded", "first"),
        (second, "any", "queued", "second"),
    ]
    assert (above.concurrency_key, above.concurrency_limit) == ("k", 1)
    assert [(link.id, link.state) for link in below.children] == [(child, "waiting")]


async def test_each_claim_of_a_task_is_told(namespace: Namespace) -> None:
    claim = await running(namespace, worker="w1")
    await finish(namespace, claim, "release")
    again = await claim_one(namespace, worker="w2")

    runs = details_json(await gather(namespace, again.task_id))["runs"]

    assert [(run["claim"], run["worker"], run["end"]) for run in runs] == [
        (1, "w1", "release"),
        (2, "w2", ""),
    ]
