from collections import Counter

import pytest

from rq_agent.broker.errors import SelectorError, UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings

from .queue_steps import settings
from .steps import add, claim, events


async def served(namespace: Namespace, count: int) -> Counter[str]:
    claims = (await claim(namespace, "a", "b", mode="round-robin", limit=count)).claims
    return Counter(c.queue for c in claims)


async def test_a_weight_counts_from_the_next_claim_on(namespace: Namespace) -> None:
    await add(namespace, 60, queue="a")
    await add(namespace, 60, queue="b")
    assert await served(namespace, 10) == {"a": 5, "b": 5}

    assert await QueueSettings(namespace).weigh("b", 4)

    assert await settings(namespace, "b") == {"weight": "4"}
    assert await served(namespace, 20) == {"a": 4, "b": 16}
    await QueueSettings(namespace).weigh("b", 0.25)
    assert await served(namespace, 20) == {"a": 16, "b": 4}


async def test_it_is_told_once_and_the_usual_one_leaves_no_field(namespace: Namespace) -> None:
    await add(namespace)

    weights = (1, 2.5, 2.5, 1.0)
    changes = [await QueueSettings(namespace).weigh("q", weight) for weight in weights]

    assert changes == [False, True, False, True]
    assert await settings(namespace) == {}
    assert [e["weight"] for e in await events(namespace, "queue_weighed")] == ["2.5", "1"]


@pytest.mark.parametrize("weight", [0, -1, 0.0009, 1_000_001, float("nan"), float("inf")])
async def test_what_is_no_weight_is_refused(namespace: Namespace, weight: float) -> None:
    await add(namespace)

    with pytest.raises(UsageError, match=r"use a number from 0\.001 to 1000000"):
        await QueueSettings(namespace).weigh("q", weight)
    with pytest.raises(SelectorError, match="no queue is named none"):
        await QueueSettings(namespace).weigh("none", 1)

    assert await settings(namespace) == {}


@pytest.mark.parametrize("weight", [0.001, 1_000_000, 0.123456789])
async def test_the_bounds_are_weights_that_a_claim_reads(
    namespace: Namespace, weight: float
) -> None:
    await add(namespace, queue="a")
    await add(namespace, queue="b")

    await QueueSettings(namespace).weigh("b", weight)

    assert float((await settings(namespace, "b"))["weight"]) == weight
    assert await served(namespace, 2) == {"a": 1, "b": 1}
