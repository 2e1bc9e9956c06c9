"""What the log of a task says of the death of its host."""

import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.worker.services.blocked import what_follows
from rq_agent.worker.services.calls import Ended
from rq_agent.worker.services.isolation import Death

UNKNOWN = Death(reason="signal 9")
GUILTY = Death(reason="exit 7", guilty="g.1")


@pytest.mark.parametrize(
    ("outcome", "isolation", "death", "words"),
    [
        (Outcome.FAILED, None, UNKNOWN, "its own end"),
        (Outcome.RELEASE, None, UNKNOWN, "rq-agent: it goes back into its place, uncharged.\n"),
        (Outcome.RELEASE, None, GUILTY, "another task in that host did this"),
        (Outcome.RELEASE, 1, UNKNOWN, "with fewer others"),
        (Outcome.RELEASE, 3, UNKNOWN, "gets a host for itself"),
        (Outcome.RELEASE, 4, GUILTY, "gets a host for itself"),
        (Outcome.CANCELLED, None, UNKNOWN, ""),
    ],
)
def test_each_task_is_told_how_it_goes_on(
    outcome: Outcome, isolation: int | None, death: Death, words: str
) -> None:
    [(said, keys)] = what_follows(
        [Ended(key="t.1", outcome=outcome, isolation=isolation)], death
    ).items()

    assert keys == ["t.1"]
    assert words in said
    assert bool(said) == bool(words)


def test_calls_that_go_on_alike_are_told_together() -> None:
    ends = [Ended(key=f"t{n}.1", outcome=Outcome.RELEASE, isolation=1) for n in range(3)]

    assert list(what_follows(ends, UNKNOWN).values()) == [["t0.1", "t1.1", "t2.1"]]
