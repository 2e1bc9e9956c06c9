"""The calls of a host: whatever it says, each ends exactly once, and no other one does."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_agent.broker.claims import Outcome
from rq_agent.worker.endings import StopCause
from rq_agent.worker.services.calls import Call, Ended
from rq_agent.worker.services.given import Given
from rq_agent.worker.services.in_host import CallsInHost
from rq_agent.worker.services.isolation import Death
from rq_agent.worker.services.messages import Going, Row


def call(key: str, isolation: int = 0) -> Call:
    return Call(key=key, target="m:f", arguments=b"[[],{}]", note=f"of {key}", isolation=isolation)


def row(key: str, outcome: Any = "succeeded", **fields: Any) -> Row:
    given = {"exit_code": 0, "reason": "", "result": "5", "note": "forged", "lasted_ms": 7}
    return Row(key=key, outcome=outcome, **{**given, **fields})


def stop(calls: CallsInHost, key: str, cause: StopCause, **fields: Any) -> float | None:
    given = {"reason": "", "grace_s": None, "now_s": 100.0, **fields}
    found = calls.stop(key, cause, **given)
    return found.until_s if found else None


def having(*keys: str, isolation: int = 0) -> CallsInHost:
    calls = CallsInHost()
    calls.give([call(key, isolation) for key in keys], now_s=0.0)
    return calls


def test_a_call_ends_as_its_host_says_with_the_note_that_we_gave() -> None:
    (end,) = having("a.1").done([row("a.1")])

    assert end == Ended(
        key="a.1",
        outcome=Outcome.SUCCEEDED,
        exit_code=0,
        result=b"5",
        note="of a.1",
        lasted_ms=7,
    )


def test_a_host_can_t_end_what_it_does_not_have() -> None:
    calls = having("a.1")

    assert calls.done([row("b.1"), row("")]) == []
    assert calls.refused("b.1", "x") == []
    assert "a.1" in calls


def test_a_second_end_is_not_told() -> None:
    calls = having("a.1")

    assert len(calls.done([row("a.1"), row("a.1", "failed")])) == 1
    assert calls.done([row("a.1")]) == []


def test_a_long_reason_is_cut() -> None:
    (end,) = having("a.1").done([row("a.1", "failed", reason="x" * 5_000)])

    assert len(end.reason) == 1_000


@pytest.mark.parametrize(
    ("cause", "said", "outcome", "reason"),
    [
        (StopCause.CANCELLED, "cancelled", Outcome.CANCELLED, "by ann"),
        (StopCause.RELEASED, "released", Outcome.RELEASE, "by ann"),
        (StopCause.TIMED_OUT, "timed_out", Outcome.TIMED_OUT, "by ann"),
        (StopCause.LOST, "released", Outcome.RELEASE, "by ann"),
        (StopCause.CANCELLED, "succeeded", Outcome.SUCCEEDED, ""),
        (StopCause.CANCELLED, "released", Outcome.CANCELLED, "by ann"),
    ],
)
def test_a_call_that_was_asked_to_stop_ends_for_our_reason_if_it_did(
    cause: StopCause, said: str, outcome: Outcome, reason: str
) -> None:
    calls = having("a.1")
    stop(calls, "a.1", cause, reason="by ann")

    (end,) = calls.done([row("a.1", said)])

    assert (end.outcome, end.reason) == (outcome, reason)


def test_nobody_gives_itself_back_for_ever() -> None:
    (end,) = having("a.1").done([row("a.1", "released")])

    assert end.outcome is Outcome.LOST  # is counted


def test_the_first_cause_stays_the_shorter_grace_counts_and_lost_overrides() -> None:
    calls = having("a.1")

    assert stop(calls, "b.1", StopCause.CANCELLED) is None
    assert stop(calls, "a.1", StopCause.CANCELLED) == 130.0  # the call's own grace
    assert stop(calls, "a.1", StopCause.RELEASED, grace_s=5.0) == 105.0
    assert stop(calls, "a.1", StopCause.RELEASED, grace_s=9.0) == 105.0
    again = calls.stop("a.1", StopCause.LOST, reason="", grace_s=0.0, now_s=101.0)

    assert again is not None
    assert (again.cause, again.until_s) == (StopCause.LOST, 101.0)


def test_a_call_that_does_not_stop_in_time_is_overdue() -> None:
    calls = having("a.1", "b.1")
    stop(calls, "a.1", StopCause.CANCELLED, grace_s=1.0)

    assert calls.overdue(105.9) == ""
    assert calls.overdue(106.1) == "a.1"
    calls.done([row("a.1", "cancelled")])
    assert calls.overdue(106.1) == ""


def test_who_refuses_to_end_is_cancelled_and_its_neighbours_go_back_as_they_were() -> None:
    calls = having("a.1", "b.1")
    stop(calls, "a.1", StopCause.CANCELLED)

    (refused,) = calls.refused("a.1", "it goes on")
    (neighbour,) = calls.die(Death(reason="refused", is_ours=True), now_s=1.0)

    assert (refused.outcome, refused.reason) == (Outcome.CANCELLED, "cancelled; it goes on")
    assert (neighbour.key, neighbour.outcome, neighbour.isolation) == ("b.1", Outcome.RELEASE, None)


def test_who_refuses_when_its_time_is_over_has_timed_out() -> None:
    (end,) = having("a.1").refused("a.1", "")

    assert (end.outcome, end.reason) == (Outcome.TIMED_OUT, "timed out")


def test_what_ended_before_the_death_counts_and_the_rest_goes_back() -> None:
    calls = having("a.1", "b.1", isolation=1)
    calls.done([row("a.1")])

    (end,) = calls.die(Death(reason="signal 9"), now_s=2.5)

    assert (end.key, end.outcome, end.lasted_ms, end.note) == (
        "b.1",
        Outcome.RELEASE,
        2500,
        "of b.1",
    )
    assert len(calls) == 0


def test_a_call_that_was_cancelled_is_cancelled_when_its_host_dies() -> None:
    calls = having("a.1", isolation=3)
    stop(calls, "a.1", StopCause.CANCELLED, reason="by ann")

    (end,) = calls.die(Death(reason="signal 9", exit_code=137), now_s=1.0)

    assert (end.outcome, end.reason, end.isolation) == (Outcome.CANCELLED, "by ann", None)


def test_naming_somebody_else_guilty_does_not_save_a_host_that_kills() -> None:
    calls = having("a.1", "b.1")

    ends = calls.die(Death(reason="exit 7", guilty="made.up"), now_s=1.0)

    assert {end.isolation for end in ends} == {3}


def test_a_call_in_a_host_of_its_own_fails_with_it() -> None:
    calls = CallsInHost(least_isolation=3)
    calls.give([call("a.1")], now_s=0.0)

    (end,) = calls.die(Death(reason="signal 9", exit_code=137), now_s=1.0)

    assert (end.outcome, end.exit_code) == (Outcome.FAILED, 137)


def test_a_host_that_was_found_again_tells_what_ended_and_what_runs() -> None:
    calls = CallsInHost(is_found=True)

    (end,) = calls.done([row("a.1", note="of a")])
    running = calls.state(
        [Going("a.1", "of a", 5.0), Going("b.1", "of b", 6.0)], now_s=100.0, unix_s=10.0
    )

    assert (end.key, end.note) == ("a.1", "of a")
    assert [(one.key, one.note, one.started_at) for one in running] == [("b.1", "of b", 6.0)]
    assert calls.done([row("c.1")]) == []  # from now on it is known what it has
    (died,) = calls.die(Death(reason="signal 9"), now_s=101.0)
    assert (died.key, died.note, died.lasted_ms) == ("b.1", "of b", 5000)


def test_a_key_that_was_called_again_after_a_rollback_runs_though_it_ended_before() -> None:
    calls = CallsInHost(is_found=True)

    ends = calls.done([row("a.1", note="nonce 1"), row("a.1", note="nonce 1")])
    running = calls.state([Going("a.1", "nonce 2", 5.0)], now_s=100.0, unix_s=10.0)

    assert [end.note for end in ends] == ["nonce 1"]
    assert [(one.key, one.note) for one in running] == [("a.1", "nonce 2")]
    assert list(calls) == ["a.1"]


def test_what_died_with_its_host_while_nobody_looked_ends_by_what_it_was_given() -> None:
    calls = CallsInHost(is_found=True)
    calls.done([row("a.1", note="of a")])
    rows = [Given("a.1", "of a", 0), Given("b.1", "of b", 2), Given("c.1", "of c", 3)]

    calls.inherit(rows, now_s=5.0)
    ends = calls.die(Death(reason="signal 9"), now_s=5.0)

    assert [(end.key, end.note, end.outcome, end.isolation) for end in ends] == [
        ("b.1", "of b", Outcome.RELEASE, 3),
        ("c.1", "of c", Outcome.FAILED, None),
    ]


def test_only_a_host_that_was_found_is_asked_what_runs() -> None:
    calls = having("a.1")

    assert calls.state([Going("b.1", "", 0.0)], now_s=1.0, unix_s=1.0) == []
    assert list(calls) == ["a.1"]


KEYS = st.sampled_from(["a.1", "b.1", "c.1", "d.1", "x.1"])
OUTCOMES = st.sampled_from(["succeeded", "failed", "errored", "cancelled", "timed_out", "released"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), KEYS),
        st.tuples(st.just("done"), st.lists(st.tuples(KEYS, OUTCOMES), max_size=5)),
        st.tuples(st.just("refused"), KEYS),
        st.tuples(st.just("stop"), KEYS, st.sampled_from(StopCause)),
        st.tuples(st.just("state"), st.lists(KEYS, max_size=3)),
    ),
    max_size=30,
)


@given(steps=STEPS, is_found=st.booleans(), guilty=KEYS | st.just(""), is_ours=st.booleans())
@settings(max_examples=120, deadline=None)
def test_whatever_a_host_says_each_call_ends_once(
    steps: list[Any], is_found: bool, guilty: str, is_ours: bool
) -> None:
    calls = CallsInHost(is_found=is_found)
    taken: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    had_state = not is_found
    for step in steps:
        if step[0] == "give" and had_state and not taken[step[1]]:
            calls.give([call(step[1])], now_s=0.0)
            taken[step[1]] += 1
        elif step[0] == "done":
            ends = calls.done([row(key, outcome) for key, outcome in step[1]])
            if not had_state:
                taken.update(end.key for end in ends)
            ended.update(end.key for end in ends)
        elif step[0] == "refused":
            ended.update(end.key for end in calls.refused(step[1], "why"))
        elif step[0] == "stop":
            stop(calls, step[1], step[2])
        elif step[0] == "state":
            going = [Going(key, "forged", 0.0) for key in step[1]]  # of the same claims
            found = calls.state(going, now_s=1.0, unix_s=1.0)
            taken.update(one.key for one in found)
            had_state = True
    death = Death(reason="signal 9", guilty=guilty, is_ours=is_ours)
    ended.update(end.key for end in calls.die(death, now_s=1.0))

    assert +ended == +taken
    assert set(ended.values()) <= {1}
    assert len(calls) == 0
    assert calls.overdue(1e9) == ""
