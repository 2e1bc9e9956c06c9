"""Two tasks at one place, as moves of tasks that wait elsewhere may leave them."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id

from .steps import CPU, GPU, add, claim, score


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
