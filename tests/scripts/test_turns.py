from collections import Counter
from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.orders import parse

from .steps import CPU, GPU, add, claim, claim_one, finish

WORKERS = ("w1", "w2", "w3")


async def served(namespace: Namespace, count: int, mode: str, *queues: str) -> str:
    """Claim one task at a time, by three workers in turn; return the queues as a string."""
    return "".join(
        [
            (await claim_one(namespace, *queues, mode=mode, worker=WORKERS[n % 3])).queue
            for n in range(count)
        ]
    )


async def fill(namespace: Namespace, queues: str, count: int) -> None:
    for queue in queues:
        await add(namespace, count, queue=queue)


async def test_strict_order_empties_the_first_queue_first(namespace: Namespace) -> None:
    await fill(namespace, "ba", 3)

    assert await served(namespace, 4, "priority", "a", "b") == "aaab"
    await add(namespace, queue="a")
    assert await served(namespace, 3, "priority", "a", "b") == "abb"


@pytest.mark.parametrize("limit", [1, 7])
async def test_strict_order_holds_within_one_claim(namespace: Namespace, limit: int) -> None:
    await fill(namespace, "cab", 3)

    order = ""
    while claims := (await claim(namespace, "a", "b", "c", limit=limit)).claims:
        order += "".join(c.queue for c in claims)

    assert order == "aaabbbccc"


async def test_round_robin_serves_three_queues_exactly_in_turn(namespace: Namespace) -> None:
    await fill(namespace, "abc", 6)

    assert await served(namespace, 18, "round-robin", "a", "b", "c") == "abc" * 6


async def test_round_robin_is_exact_for_claims_of_any_size(namespace: Namespace) -> None:
    await fill(namespace, "abc", 20)

    order = ""
    for n, limit in enumerate((1, 4, 2, 7, 3, 13)):
        claimed = await claim(
            namespace, "a", "b", "c", mode="round-robin", limit=limit, worker=WORKERS[n % 3]
        )
        order += "".join(c.queue for c in claimed.claims)

    assert order == "abc" * 10


async def test_a_turn_goes_on_after_a_queue_was_empty(namespace: Namespace) -> None:
    await fill(namespace, "ac", 10)
    assert await served(namespace, 8, "round-robin", "a", "b", "c") == "acacacac"

    await fill(namespace, "b", 10)

    rest = await served(namespace, 12, "round-robin", "a", "b", "c")
    assert rest.startswith("b")  # it comes next, but does not make up for what it missed
    assert Counter(rest[1:])["b"] <= 10
    assert "bb" not in rest


async def test_weights_share_out_the_turns_exactly(namespace: Namespace) -> None:
    await fill(namespace, "ab", 40)

    order = await served(namespace, 16, "weighted:3,1", "a", "b")

    assert Counter(order) == {"a": 12, "b": 4}
    assert all(Counter(order[n : n + 4]) == {"a": 3, "b": 1} for n in range(0, 16, 4))


async def test_weights_hold_within_one_claim(namespace: Namespace) -> None:
    await fill(namespace, "ab", 12)

    claimed = await claim(namespace, "a", "b", limit=12, mode="weighted:1,3")

    order = "".join(c.queue for c in claimed.claims)
    assert all(Counter(order[n : n + 4]) == {"a": 1, "b": 3} for n in range(0, 12, 4)), order


@pytest.mark.parametrize("weight", ["0", "-3", "1e9", "0.0001", "nan", "inf", "heavy", ""])
async def test_what_is_no_weight_counts_as_one(namespace: Namespace, weight: str) -> None:
    await fill(namespace, "ab", 3)
    await namespace.redis.hset(keys.queue(namespace.prefix, "b"), "weight", weight)

    order = await served(namespace, 6, "round-robin", "a", "b")

    assert order == "ababab"


async def test_the_weight_of_a_queue_multiplies_that_of_the_order(namespace: Namespace) -> None:
    await fill(namespace, "ab", 40)
    await namespace.redis.hset(keys.queue(namespace.prefix, "b"), "weight", "6")

    order = await served(namespace, 30, "weighted:3,1", "a", "b")

    assert Counter(order) == {"a": 10, "b": 20}


async def test_round_robin_shares_its_place_over_claims_of_other_shapes(
    namespace: Namespace,
) -> None:
    await fill(namespace, "ab", 4)
    first = await claim_one(namespace, "a", "b", mode="round-robin")

    second = await claim_one(namespace, "a", "b", mode="round-robin", needs=(GPU, CPU))

    assert (first.queue, second.queue) == ("a", "b")


async def test_passes_never_decrease_and_go_after_30_days(namespace: Namespace) -> None:
    key = keys.passes(namespace.prefix, parse("round-robin", ["a", "b"]).id)
    await fill(namespace, "ab", 9)
    before: dict[bytes, float] = {}

    for _ in range(9):
        taken = await claim_one(namespace, "a", "b", mode="round-robin")
        await finish(namespace, taken, "release")  # does not give its turn back
        stored: Any = await namespace.redis.zrange(key, 0, -1, withscores=True)
        after = dict(stored)
        assert all(after[queue] >= score for queue, score in before.items())
        before = after

    assert 29 * 86_400 < await namespace.redis.ttl(key) <= 30 * 86_400


@pytest.mark.parametrize("mode", ["priority", "round-robin"])
async def test_of_many_queues_those_with_tasks_are_found_wherever_they_are_listed(
    namespace: Namespace, mode: str
) -> None:
    queues = [f"q{n}" for n in range(1, 51)]
    filled = ["q1", "q16", "q17", "q32", "q33", "q49", "q50"]
    for queue in reversed(filled):
        await add(namespace, queue=queue, need=GPU)
        await add(namespace, queue=queue)

    claimed = await claim(namespace, *queues, mode=mode, limit=50, needs=(CPU, GPU))

    found = [each.queue for each in claimed.claims]
    expected = [queue for queue in filled for _ in range(2)] if mode == "priority" else filled * 2
    assert found == expected
    assert (await claim(namespace, *queues, mode=mode, limit=50, needs=(CPU, GPU))).claims == ()
