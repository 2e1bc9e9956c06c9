"""Two hundred queues and several workers, while people pause, limit and weigh the queues."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from rq_agent.broker.claims import Claim
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings

from .steps import claim, enqueue, finish, new_task

QUEUES = tuple(f"q{n:03}" for n in range(200))
WORKERS = ("w1", "w2", "w3", "w4")
LIMITS = (7, 1, 25, 13)


async def fill(ns: Namespace, queues: Sequence[str], count: int) -> None:
    """Enqueue tasks by turns, so that no queue's tasks are all older than another's."""
    await enqueue(ns, *[new_task(queue=queue) for _ in range(count) for queue in queues])


async def serve(ns: Namespace, count: int, mode: str = "round-robin") -> list[Claim]:
    """Let four workers claim so many tasks, a different number each time."""
    served: list[Claim] = []
    for n in range(count):
        limit = min(LIMITS[n % 4], count - len(served))
        if limit == 0:
            break
        claimed = await claim(ns, *QUEUES, worker=WORKERS[n % 4], mode=mode, limit=limit)
        served += claimed.claims
    return served


def shares(served: Sequence[Claim]) -> Counter[str]:
    return Counter(claimed.queue for claimed in served)


async def test_two_hundred_queues_are_served_exactly_in_turn(namespace: Namespace) -> None:
    await fill(namespace, QUEUES, 3)

    for _ in range(3):
        assert [c.queue for c in await serve(namespace, 200)] == list(QUEUES)


async def test_paused_queues_are_left_out_and_do_not_catch_up(namespace: Namespace) -> None:
    await fill(namespace, QUEUES, 5)
    await serve(namespace, 200)
    paused, others = QUEUES[::4], [q for n, q in enumerate(QUEUES) if n % 4]
    for queue in paused:
        await QueueSettings(namespace).pause(queue)

    meanwhile = await serve(namespace, 300)
    for queue in paused:
        await QueueSettings(namespace).resume(queue)
    at_once = await serve(namespace, 50)
    after = await serve(namespace, 200)

    assert shares(meanwhile) == dict.fromkeys(others, 2)
    assert shares(at_once) == dict.fromkeys(paused, 1)
    assert shares(after) == dict.fromkeys(QUEUES, 1)


async def test_limited_queues_run_no_more_and_the_others_share_the_rest(
    namespace: Namespace,
) -> None:
    await fill(namespace, QUEUES[:20], 3)
    await fill(namespace, QUEUES[20:], 5)
    first = await serve(namespace, 400)
    limited = QUEUES[:20]
    for queue in limited:
        await QueueSettings(namespace).limit(queue, 2)  # as many as run now

    others = await serve(namespace, 360)
    ended = [c for c in first if c.queue in limited[:10]]
    for claimed in ended[:10]:  # one of each
        await finish(namespace, claimed, "succeeded")
    after = await serve(namespace, 190)

    assert shares(others) == dict.fromkeys(QUEUES[20:], 2)
    assert shares(after) == dict.fromkeys([*limited[:10], *QUEUES[20:]], 1)


async def test_a_new_weight_shares_out_the_turns_exactly(namespace: Namespace) -> None:
    await fill(namespace, QUEUES[:50], 8)
    await fill(namespace, QUEUES[50:], 4)
    await serve(namespace, 200)
    for queue in QUEUES[:50]:
        await QueueSettings(namespace).weigh(queue, 3)
    # They still wait for the turn that they had paid for with their old weight.
    first = shares(await serve(namespace, 200))

    second = shares(await serve(namespace, 150 + 150))

    assert first.total() == 200
    assert second == dict.fromkeys(QUEUES[:50], 3) | dict.fromkeys(QUEUES[50:], 1)


@pytest.mark.parametrize("seed", [1, 2])
async def test_strict_order_is_never_left_whatever_is_changed(
    namespace: Namespace, seed: int
) -> None:
    rng = random.Random(seed)
    queues = QueueSettings(namespace)
    await fill(namespace, QUEUES, 3)
    waiting, running = dict.fromkeys(QUEUES, 3), dict.fromkeys(QUEUES, 0)
    limits, paused = dict.fromkeys(QUEUES, 9), set[str]()
    held: list[Claim] = []

    def first_claimable() -> str:
        return next(q for q in QUEUES if waiting[q] and q not in paused and running[q] < limits[q])

    for _ in range(40):
        near = rng.choice(QUEUES[:40])
        if near in paused:
            await queues.resume(near)
            paused.remove(near)
        elif rng.random() < 0.4:
            await queues.pause(near)
            paused.add(near)
        else:
            limits[near] = rng.randrange(4)
            await queues.limit(near, limits[near])
        if held and rng.random() < 0.5:
            ended = held.pop(rng.randrange(len(held)))
            await finish(namespace, ended, "succeeded")
            running[ended.queue] -= 1
        limit = rng.choice((1, 2, 5))
        claims = (await claim(namespace, *QUEUES, limit=limit, worker=rng.choice(WORKERS))).claims
        assert len(claims) == limit
        for claimed in claims:
            assert claimed.queue == first_claimable()
            waiting[claimed.queue] -= 1
            running[claimed.queue] += 1
        held += claims


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_queue_starves_under_round_robin_whatever_is_changed(
    namespace: Namespace, seed: int
) -> None:
    rng = random.Random(seed)
    queues = QueueSettings(namespace)
    await fill(namespace, QUEUES, 4)
    paused: set[str] = set()
    unserved = dict.fromkeys(QUEUES, 0)  # claims since it was served, while it was open

    for _ in range(40):
        queue = rng.choice(QUEUES)
        if queue in paused:
            await queues.resume(queue)
            paused.remove(queue)
            unserved[queue] = 0
        else:
            await queues.pause(queue)
            paused.add(queue)
        claimed = await claim(
            namespace, *QUEUES, mode="round-robin", limit=rng.choice(LIMITS), worker="w"
        )
        for each in claimed.claims:
            assert each.queue not in paused
            unserved = {q: n + 1 for q, n in unserved.items()} | {each.queue: 0}
        assert all(n < 2 * len(QUEUES) for q, n in unserved.items() if q not in paused)

    assert max(unserved[q] for q in QUEUES if q not in paused) < 2 * len(QUEUES)
