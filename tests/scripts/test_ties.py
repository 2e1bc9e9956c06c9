"""Two tasks at one place, as moves of tasks that wait elsewhere may leave them."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.moves import Moves
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id

from .steps import CPU, GPU, add, claim, line, score


@pytest.mark.parametrize("needs", [(CPU, GPU), (GPU, CPU)])
@pytest.mark.parametrize("listed", [(CPU, GPU), (GPU, CPU)])
async def test_of_two_shapes_at_one_place_the_lower_id_comes_first(
    namespace: Namespace, needs: tuple[Need, Need], listed: tuple[Need, Need]
) -> None:
    p, redis = namespace.prefix, namespace.redis
    (first,) = await add(namespace, need=needs[0])
    (second,) = await add(namespace, need=needs[1])
    (third,) = await add(namespace, need=needs[0])
    ready = [keys.ready(p, "q", shape_id(need)) for need in needs]
    place = await score(namespace, ready[0], first)
    assert place is not None
    await redis.zadd(ready[1], {second: place})
    await redis.zadd(ready[0], {third: place})

    claimed = await claim(namespace, limit=3, needs=listed)

    assert [c.task_id for c in claimed.claims] == [first, second, third]


async def test_a_place_that_a_tie_used_up_is_not_given_out_again(namespace: Namespace) -> None:
    p, redis = namespace.prefix, namespace.redis
    (urgent,) = await add(namespace, priority=5)
    (usual,) = await add(namespace)
    ready = keys.ready(p, "q", shape_id(CPU))
    place = await score(namespace, ready, urgent)
    assert place is not None
    same = place + 5 * 2**44  # in its own priority it stands where `urgent` stands in the other
    await redis.zadd(ready, {usual: same})
    await redis.hset(keys.task(p, usual), "order", f"{same:.0f}")

    await Moves(namespace).set_priority(usual, 5)
    (last,) = await add(namespace, priority=5)

    assert await line(namespace) == [urgent, usual, last]
    places = [await score(namespace, ready, i) for i in (urgent, usual, last)]
    assert len(set(places)) == 3
