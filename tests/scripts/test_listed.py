"""How much of thousands that run a person is shown."""

import pytest

from rq_agent.broker.listing import Filters
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.states import TaskState
from rq_agent.cli.listing import SHOWN_RUNNING, Listed, bounded, find

from .steps import add, claim

RUNNING = Filters(states=(TaskState.RUNNING,))


async def test_the_newest_that_run_stand_before_the_newest_others(namespace: Namespace) -> None:
    running = await add(namespace, 3)
    await claim(namespace, limit=3)
    others = await add(namespace, 3)

    found = await find(Lookups(namespace), Listed(limit=1, running=2))

    assert [record.id for record in found] == [running[2], running[1], others[2]]


@pytest.mark.parametrize(
    ("listed", "most"),
    [
        (Listed(), SHOWN_RUNNING),
        (Listed(filters=Filters(queue="q")), SHOWN_RUNNING),
        (Listed(limit=None), Listed().running),
        (Listed(filters=RUNNING), Listed().running),
    ],
)
def test_all_that_run_are_shown_to_who_asks_for_them(listed: Listed, most: int) -> None:
    assert bounded(listed).running == most
