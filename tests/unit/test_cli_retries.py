"""The options about retries, as the policy that a task keeps."""

import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.broker.errors import UsageError
from rq_agent.broker.retries import Backoff, RetryPolicy, decode
from rq_agent.cli.options import TaskOptions
from rq_agent.cli.retry_options import policy_of


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        (TaskOptions(retries="3"), RetryPolicy(retries=3)),
        (
            TaskOptions(retries="1", retry_delay="2m", retry_backoff="fixed", retry_jitter="0"),
            RetryPolicy(retries=1, base_ms=120_000, backoff=Backoff.FIXED, jitter_percent=0),
        ),
        (
            TaskOptions(retries="9", retry_delay="2h"),
            RetryPolicy(retries=9, base_ms=7_200_000, cap_ms=7_200_000),
        ),
        (
            TaskOptions(retries="9", retry_max_delay="30s", retry_jitter=".25"),
            RetryPolicy(retries=9, cap_ms=30_000, jitter_percent=25),
        ),
        (
            TaskOptions(retries="2", retry_on="failed, timed-out,exit:75,exit:111,exit:75"),
            RetryPolicy(
                retries=2,
                on=frozenset({Outcome.FAILED, Outcome.TIMED_OUT}),
                exit_codes=(75, 111),
            ),
        ),
        (
            TaskOptions(retries="2", retry_on="exit:75"),
            RetryPolicy(retries=2, on=frozenset(), exit_codes=(75,)),
        ),
    ],
)
def test_options_become_a_policy(options: TaskOptions, policy: RetryPolicy) -> None:
    assert decode(policy_of(options)) == policy


@pytest.mark.parametrize("options", [TaskOptions(), TaskOptions(retries="0")])
def test_without_retries_there_is_no_policy(options: TaskOptions) -> None:
    assert policy_of(options) == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (TaskOptions(retry_delay="10s"), "--retry-delay does nothing without --retries"),
        (TaskOptions(retries="0", retry_on="failed"), "--retry-on does nothing without"),
        (TaskOptions(retries="x"), "--retries x: write a whole number"),
        (TaskOptions(retries="1001"), "from 0 to 1000"),
        (TaskOptions(retries="3", retry_backoff="linear"), "say exponential or fixed"),
        (TaskOptions(retries="3", retry_delay="soon"), "--retry-delay soon"),
        (TaskOptions(retries="3", retry_max_delay="31d"), "more than 30 days"),
        (TaskOptions(retries="3", retry_max_delay="5s"), "10s is longer than --retry-max-delay 5s"),
        (TaskOptions(retries="3", retry_jitter="10"), "a part from 0 to 1"),
        (TaskOptions(retries="3", retry_on="fialed"), "did you mean failed"),
        (TaskOptions(retries="3", retry_on="cancelled"), "nothing is retried after that"),
        (TaskOptions(retries="3", retry_on="exit:0"), "from 1 to 255"),
        (TaskOptions(retries="3", retry_on="exit:256"), "from 1 to 255"),
    ],
)
def test_what_can_t_be_meant_is_refused(options: TaskOptions, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        policy_of(options)
