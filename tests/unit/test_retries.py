"""The rule of retries, and the text that a policy is kept as."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.broker.claims import Outcome
from rq_agent.broker.errors import UsageError
from rq_agent.broker.retries import Backoff, RetryPolicy, decode, encode, next_delay_ms

PLAIN = RetryPolicy(retries=3, base_ms=1_000, cap_ms=60_000, jitter_percent=0)
FIXED = msgspec.structs.replace(PLAIN, backoff=Backoff.FIXED)
BY_CODE = msgspec.structs.replace(PLAIN, exit_codes=(75, 111))
OFTEN = msgspec.structs.replace(PLAIN, retries=1_000)
EVERYTHING = msgspec.structs.replace(
    PLAIN, on=frozenset({Outcome.ERRORED, Outcome.FAILED, Outcome.TIMED_OUT})
)

POLICIES = st.builds(
    RetryPolicy,
    retries=st.integers(1, 1_000),
    backoff=st.sampled_from(Backoff),
    base_ms=st.integers(0, 1_000),
    cap_ms=st.integers(1_000, 2_592_000_000),
    jitter_percent=st.integers(0, 100),
    on=st.frozensets(
        st.sampled_from([Outcome.ERRORED, Outcome.FAILED, Outcome.TIMED_OUT]), min_size=1
    ),
    exit_codes=st.lists(st.integers(1, 255), max_size=6).map(tuple),
)


@pytest.mark.parametrize(
    ("policy", "attempt", "outcome", "exit_code", "delay_ms"),
    [
        (PLAIN, 1, Outcome.ERRORED, None, 1_000),
        (PLAIN, 2, Outcome.ERRORED, None, 2_000),
        (PLAIN, 3, Outcome.ERRORED, None, 4_000),
        (PLAIN, 4, Outcome.ERRORED, None, None),
        (PLAIN, 1, Outcome.FAILED, 75, None),
        (PLAIN, 1, Outcome.TIMED_OUT, None, None),
        (PLAIN, 1, Outcome.SUCCEEDED, 0, None),
        (EVERYTHING, 1, Outcome.CANCELLED, None, None),
        (EVERYTHING, 1, Outcome.RELEASE, None, None),
        (EVERYTHING, 1, Outcome.FAILED, 3, 1_000),
        (EVERYTHING, 1, Outcome.TIMED_OUT, 143, 1_000),
        (BY_CODE, 1, Outcome.FAILED, 75, 1_000),
        (BY_CODE, 1, Outcome.FAILED, 111, 1_000),
        (BY_CODE, 1, Outcome.FAILED, 1, None),
        (BY_CODE, 1, Outcome.TIMED_OUT, 75, None),
        (BY_CODE, 4, Outcome.FAILED, 75, None),
        (FIXED, 3, Outcome.ERRORED, None, 1_000),
        (OFTEN, 7, Outcome.ERRORED, None, 60_000),
        (OFTEN, 1_000, Outcome.ERRORED, None, 60_000),
        (OFTEN, 0, Outcome.ERRORED, None, 1_000),
        (OFTEN, -(10**9), Outcome.ERRORED, None, 1_000),
    ],
)
def test_the_next_delay_follows_from_how_the_attempt_ended(
    policy: RetryPolicy,
    attempt: int,
    outcome: Outcome,
    exit_code: int | None,
    delay_ms: int | None,
) -> None:
    found = next_delay_ms(policy, attempt=attempt, outcome=outcome, exit_code=exit_code, random=0.5)

    assert found == delay_ms


@pytest.mark.parametrize(("random", "delay_ms"), [(0.0, 1_000), (0.5, 900), (0.999, 801)])
def test_jitter_leaves_out_a_part_of_the_delay(random: float, delay_ms: int) -> None:
    policy = msgspec.structs.replace(PLAIN, jitter_percent=20)

    found = next_delay_ms(policy, attempt=1, outcome=Outcome.ERRORED, exit_code=None, random=random)

    assert found == delay_ms


@given(POLICIES)
def test_a_policy_survives_its_text(policy: RetryPolicy) -> None:
    text = encode(policy)

    assert len(text.encode()) <= 64
    assert decode(text) == policy


@given(POLICIES, st.integers(-(2**53), 2**53), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_longer_than_the_cap(
    policy: RetryPolicy, attempt: int, random: float
) -> None:
    for outcome in Outcome:
        delay_ms = next_delay_ms(
            policy, attempt=attempt, outcome=outcome, exit_code=1, random=random
        )
        assert delay_ms is None or 0 <= delay_ms <= policy.cap_ms


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"retries": 0}, "between 1 and 1000"),
        ({"retries": 1_001}, "between 1 and 1000"),
        ({"base_ms": -1}, "delay"),
        ({"base_ms": 60_001}, "delay"),
        ({"cap_ms": 31 * 86_400_000}, "30 days"),
        ({"jitter_percent": 101}, "jitter"),
        ({"on": frozenset({Outcome.CANCELLED})}, "cancelled can't be retried"),
        ({"on": frozenset()}, "no outcome"),
        ({"exit_codes": (0,)}, "1 to 255"),
        ({"exit_codes": (256,)}, "1 to 255"),
        ({"exit_codes": tuple(range(100, 120))}, "too many"),
    ],
)
def test_a_policy_that_can_t_be_kept_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        encode(msgspec.structs.replace(PLAIN, **changes))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "always",
        "0 x 1000 60000 0 e",
        "9999 x 1000 60000 0 e",
        "3 x 60001 60000 0 e",
        "3 x 1000 60000 101 e",
        "3 x 1000 9999999999 0 e",
        "3 x 1000 60000 0 -",
        "3 x 1000 60000 0 c",
        "3 x 1000 60000 0 e 0",
        "3 x 1000 60000 0 e 75\n",
        "3 x 1000 60000 0 e " + "75," * 2_000 + "75",
        "\u0663 x 1000 60000 0 e",
    ],
)
def test_a_text_that_is_no_policy_is_none(text: str) -> None:
    assert decode(text) is None
