import pytest

from rq_agent.broker.errors import SelectorError, UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings

from .queue_steps import park, settings, woken
from .steps import add, claim, events, finish, state


async def test_no_more_than_the_limit_run(namespace: Namespace) -> None:
    await add(namespace, 5)

    assert await QueueSettings(namespace).limit("q", 2)

    assert await settings(namespace) == {"max_running": "2"}
    first = (await claim(namespace, limit=9)).claims
    assert len(first) == 2
    assert not (await claim(namespace, worker="other")).claims
    await finish(namespace, first[0], "succeeded")
    assert len((await claim(namespace, worker="other", limit=9)).claims) == 1


async def test_a_lower_limit_counts_at_once_and_what_runs_goes_on(namespace: Namespace) -> None:
    await add(namespace, 6)
    taken = (await claim(namespace, limit=4)).claims

    await QueueSettings(namespace).limit("q", 1)

    assert [await state(namespace, c.task_id) for c in taken] == ["running"] * 4
    for claimed in taken[:3]:
        assert not (await claim(namespace, limit=9)).claims
        await finish(namespace, claimed, "succeeded")
    assert not (await claim(namespace, limit=9)).claims
    await finish(namespace, taken[3], "succeeded")
    assert len((await claim(namespace, limit=9)).claims) == 1


async def test_a_limit_of_none_lets_nothing_start(namespace: Namespace) -> None:
    await add(namespace)

    await QueueSettings(namespace).limit("q", 0)

    assert not (await claim(namespace)).claims


@pytest.mark.parametrize(("most", "expected"), [(3, 2), (None, 3), (1, 0), (0, 0)])
async def test_a_higher_limit_wakes_as_many_as_may_run_now(
    namespace: Namespace, most: int | None, expected: int
) -> None:
    await add(namespace, 6)
    await QueueSettings(namespace).limit("q", 1)
    assert len((await claim(namespace, limit=9)).claims) == 1
    names = await park(namespace, 3)

    await QueueSettings(namespace).limit("q", most)

    assert await woken(namespace, names) == expected


async def test_it_is_told_once_and_no_limit_leaves_no_field(namespace: Namespace) -> None:
    await add(namespace)

    changes = [await QueueSettings(namespace).limit("q", most) for most in (7, 7, None, None)]

    assert changes == [True, False, True, False]
    assert await settings(namespace) == {}
    assert [e["max_running"] for e in await events(namespace, "queue_limited")] == ["7", ""]


async def test_what_is_no_limit_is_refused(namespace: Namespace) -> None:
    await add(namespace)

    for most in (-1, 1_000_000_001):
        with pytest.raises(UsageError, match=f"limit {most}: use a number from 0"):
            await QueueSettings(namespace).limit("q", most)
    with pytest.raises(SelectorError, match="no queue is named none"):
        await QueueSettings(namespace).limit("none", 1)
