"""What a worker reports of an attempt whose task may be tried once more."""

import logging

import pytest

from rq_agent.broker.claims import Claim, Outcome
from rq_agent.broker.keys import TaskId
from rq_agent.broker.retries import RetryPolicy, encode
from rq_agent.worker.endings import Ending, errored
from rq_agent.worker.retrying import finish_of

POLICY = encode(
    RetryPolicy(
        retries=3,
        base_ms=10_000,
        jitter_percent=0,
        on=frozenset({Outcome.ERRORED, Outcome.TIMED_OUT}),
        exit_codes=(75,),
    )
)
TEMPORARY = Ending(outcome=Outcome.FAILED, exit_code=75, reason="exit 75")


def claim(retry: str, attempt: int = 1) -> Claim:
    return Claim(
        task_id=TaskId("t"),
        fence=1,
        nonce="n",
        queue="q",
        shape="s",
        attempt=attempt,
        definition="d",
        envelope=None,
        lease_ms=0,
        name="",
        user="",
        priority=0,
        lost=0,
        timeout_ms=0,
        retry=retry,
    )


def half() -> float:
    return 0.5


def test_an_attempt_that_may_be_repeated_says_when_and_why() -> None:
    finish = finish_of(claim(POLICY), TEMPORARY, random=half)

    assert (finish.outcome, finish.delay_ms) == (Outcome.RETRY, 10_000)
    assert (finish.exit_code, finish.reason) == (75, "exit 75; try 2 of 4 in 10 s")


def test_the_last_attempt_counts() -> None:
    finish = finish_of(claim(POLICY, attempt=4), TEMPORARY, random=half)

    assert (finish.outcome, finish.reason, finish.delay_ms) == (Outcome.FAILED, "exit 75", 0)


@pytest.mark.parametrize(
    "ending",
    [
        Ending(outcome=Outcome.SUCCEEDED, exit_code=0),
        Ending(outcome=Outcome.FAILED, exit_code=1, reason="exit 1"),
        Ending(outcome=Outcome.CANCELLED, exit_code=75, reason="cancelled"),
        Ending(outcome=Outcome.RELEASE, reason="released"),
        errored("quarantined: signature does not match", may_retry=False),
    ],
)
def test_every_other_end_is_told_as_it_is(ending: Ending) -> None:
    finish = finish_of(claim(POLICY), ending, random=half)

    assert (finish.outcome, finish.reason) == (ending.outcome, ending.reason)


def test_a_task_without_a_policy_is_tried_once() -> None:
    finish = finish_of(claim(""), errored("no room"), random=half)

    assert (finish.outcome, finish.reason) == (Outcome.ERRORED, "no room")


def test_a_policy_that_nobody_can_read_is_told_and_the_end_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        finish = finish_of(claim("for ever"), errored("no room"), random=half)

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason == "no room; its retry policy is malformed"
    assert "task t: its retry policy is malformed: 'for ever'" in caplog.text
