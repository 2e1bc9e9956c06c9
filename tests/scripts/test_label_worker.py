import pytest

from rq_agent.broker import keys
from rq_agent.broker.errors import UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Workers
from rq_agent.broker.worker_labels import MAX_LABELS, WorkerLabels, merged

from .steps import beat, decoded, messages


async def test_labels_are_set_replaced_and_taken_away(namespace: Namespace) -> None:
    await beat(namespace)
    labels = WorkerLabels(namespace)

    assert await labels.change("w", {"site": "north", "owner": "ada"})
    assert await labels.change("w", {"site": "south", "spot": ""}, remove=["owner", "rack"])

    told = (await beat(namespace)).labels
    assert told == {"site": "=south", "spot": "=", "owner": "-", "rack": "-"}
    assert merged({"rack": "7", "gpu": "a100"}, told) == {
        "gpu": "a100",
        "site": "south",
        "spot": "",
    }
    assert [m["c"] for m in await messages(namespace)] == ["look", "look"]


async def test_labels_outlive_the_session_of_the_worker(namespace: Namespace) -> None:
    await beat(namespace)
    await WorkerLabels(namespace).change("w", {"site": "north"})

    await Workers(namespace).leave("w")

    assert (await beat(namespace)).labels == {"site": "=north"}


async def test_a_worker_that_is_not_there_gets_no_labels(namespace: Namespace) -> None:
    assert await WorkerLabels(namespace).change("nobody", {"a": "b"}) is None

    assert not await namespace.redis.exists(keys.worker_labels(namespace.prefix, "nobody"))


async def test_a_worker_has_no_more_labels_than_a_person_can_read(namespace: Namespace) -> None:
    await beat(namespace)
    labels = WorkerLabels(namespace)
    await labels.change("w", {f"n{n}": "" for n in range(MAX_LABELS)})

    await labels.change("w", {"n0": "again"}, remove=["n1"])
    with pytest.raises(UsageError, match=f"worker w would have more than {MAX_LABELS} labels"):
        await labels.change("w", {"one": "more"})

    stored = decoded(await namespace.redis.hgetall(keys.worker_labels(namespace.prefix, "w")))
    assert len(stored) == MAX_LABELS
    assert (stored["n0"], stored["n1"]) == ("=again", "-")


@pytest.mark.parametrize("name", ["", "a=b", "x" * 300])
async def test_a_name_that_is_none_is_refused(namespace: Namespace, name: str) -> None:
    with pytest.raises(UsageError, match="label"):
        await WorkerLabels(namespace).change("w", {name: "x"})
