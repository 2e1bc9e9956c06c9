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
FAILED = Ending(outcome=Outcome.FAILED, exit_code=1, reason="exit 1")
SUCCEEDED = Ending(outcome=Outcome.SUCCEEDED, exit_code=0)


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


def never() -> float:
    return 0.0


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


@pytest.mark.parametrize(
    ("policy", "ending", "lasted_ms", "delay_ms", "kept"),
    [
        ("restart on-failure", FAILED, 10, 1_000, "restart on-failure 1"),
        ("restart on-failure 1", FAILED, 59_999, 2_000, "restart on-failure 2"),
        ("restart on-failure 6", errored("no disk"), None, 60_000, "restart on-failure 7"),
        ("restart on-failure 6", FAILED, 60_000, 1_000, "restart on-failure"),
        ("restart always 1000", SUCCEEDED, 10, 60_000, "restart always 1000"),
        ("restart always", SUCCEEDED, 70_000, 1_000, "restart always"),
    ],
)
def test_a_service_is_started_again(
    policy: str, ending: Ending, lasted_ms: int | None, delay_ms: int, kept: str
) -> None:
    finish = finish_of(claim(policy, attempt=99), ending, random=never, lasted_ms=lasted_ms)

    assert (finish.outcome, finish.delay_ms, finish.retry) == (Outcome.RETRY, delay_ms, kept)
    ended = ending.reason or ending.outcome.value
    assert finish.reason == f"{ended}; started again in {delay_ms / 1000:.3g} s"


def test_services_that_end_together_do_not_come_back_together() -> None:
    assert finish_of(claim("restart always"), FAILED, random=half).delay_ms == 950


@pytest.mark.parametrize(
    ("policy", "ending"),
    [
        ("restart on-failure", SUCCEEDED),
        ("restart on-failure", Ending(outcome=Outcome.CANCELLED)),
        ("restart always", Ending(outcome=Outcome.CANCELLED)),
        ("restart always", Ending(outcome=Outcome.RELEASE)),
        ("restart always", errored("signed by a stranger", may_retry=False)),
        ("restart never", SUCCEEDED),
        ("", FAILED),
    ],
)
def test_a_service_ends_where_its_policy_says_so(policy: str, ending: Ending) -> None:
    finish = finish_of(claim(policy), ending, random=never, lasted_ms=1)

    assert (finish.outcome, finish.retry, finish.delay_ms) == (ending.outcome, "", 0)
    assert finish.reason == ending.reason


@pytest.mark.parametrize(
    "text", ["restart", "restart never", "restart always x", "restart always 99999"]
)
def test_a_restart_policy_that_nobody_can_read_ends_it(text: str) -> None:
    finish = finish_of(claim(text), FAILED, random=never)

    assert (finish.outcome, finish.reason) == (
        Outcome.FAILED,
        "exit 1; its retry policy is malformed",
    )
