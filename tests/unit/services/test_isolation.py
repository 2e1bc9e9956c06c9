"""What the end of a host means for each call in it."""

import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.worker.process.wait import LOST, Exit
from rq_agent.worker.services.isolation import (
    Death,
    InHost,
    after_death,
    class_of,
    ends_of,
    most_in,
    of_exit,
)


def calls(count: int, isolation: int = 0) -> dict[str, InHost]:
    return {f"t{n}.1": InHost(note=f"n{n}", isolation=isolation) for n in range(count)}


@pytest.mark.parametrize(("isolation", "most"), [(0, 500), (1, 32), (2, 4), (3, 1), (4, 1), (9, 1)])
def test_the_more_isolated_a_call_the_fewer_share_its_host(isolation: int, most: int) -> None:
    assert most_in(isolation, 500) == most


def test_a_worker_with_few_places_never_gets_more_of_them() -> None:
    assert most_in(1, 8) == 8


def test_calls_that_are_alone_for_whatever_reason_are_of_one_class() -> None:
    assert class_of(3) == class_of(4) != class_of(2)


@pytest.mark.parametrize(
    ("isolation", "together", "following"),
    [
        (0, 500, 1),
        (0, 33, 1),
        (0, 32, 2),  # 32 at once again would tell nothing new
        (0, 5, 2),
        (0, 4, 3),
        (0, 1, 3),
        (1, 32, 2),
        (1, 3, 3),
        (2, 4, 3),
        (3, 1, 3),
    ],
)
def test_after_a_death_a_call_runs_with_fewer_others(
    isolation: int, together: int, following: int
) -> None:
    assert after_death(isolation, together) == following


def test_when_nobody_is_known_to_be_guilty_all_go_back_and_are_kept_apart() -> None:
    ends = ends_of(calls(40), Death(reason="signal 9", exit_code=137))

    assert {(end.outcome, end.isolation, end.exit_code) for end in ends} == {
        (Outcome.RELEASE, 1, None)
    }
    assert ends[0].reason == "its host ended: signal 9"
    assert [end.note for end in ends] == [f"n{n}" for n in range(40)]


def test_the_death_of_its_host_is_the_end_of_a_call_that_was_alone() -> None:
    (end,) = ends_of(calls(1, isolation=3), Death(reason="signal 9", exit_code=137))

    assert (end.outcome, end.reason, end.exit_code, end.isolation) == (
        Outcome.FAILED,
        "signal 9",
        137,
        None,
    )


def test_who_is_guilty_is_alone_next_time_and_neighbours_are_as_before() -> None:
    ends = ends_of(calls(3, isolation=1), Death(reason="exit 7", guilty="t1.1"))

    assert {end.key: end.isolation for end in ends} == {"t0.1": None, "t1.1": 4, "t2.1": None}
    assert {end.outcome for end in ends} == {Outcome.RELEASE}
    assert ends[0].reason == "its host ended: another task in it: exit 7"


def test_who_is_guilty_again_fails() -> None:
    (end,) = ends_of(calls(1, isolation=4), Death(reason="blocked", guilty="t0.1"))

    assert (end.outcome, end.reason) == (Outcome.FAILED, "blocked")


def test_a_host_that_we_end_is_nobody_s_fault() -> None:
    ends = ends_of(
        {**calls(2), "a.1": InHost(note="", isolation=3)}, Death(reason="x", is_ours=True)
    )

    assert {(end.outcome, end.isolation) for end in ends} == {(Outcome.RELEASE, None)}


@pytest.mark.parametrize(
    ("exited", "reason", "code", "outcome"),
    [
        (Exit(signal=9), "signal 9", 137, Outcome.FAILED),
        (Exit(signal=11, core=True), "signal 11", 139, Outcome.FAILED),
        (Exit(code=7), "exit 7", 7, Outcome.FAILED),
        (Exit(code=0), "exit 0", 0, Outcome.FAILED),
        (
            Exit(signal=9, oom=True, mem_limit_mib=100),
            "oom: used more than 100 MiB",
            137,
            Outcome.FAILED,
        ),
        (
            Exit(signal=9, machine_oom=True),
            "signal 9, while the machine ran out of memory",
            137,
            Outcome.FAILED,
        ),
        (Exit(error=LOST), LOST, None, Outcome.LOST),
        (
            Exit(signal=9, stopped_by="deadline"),
            "killed: its lease could not be renewed in time",
            None,
            Outcome.LOST,
        ),
        (
            Exit(signal=15, stopped_by="term"),
            "it was stopped, but not by its worker",
            None,
            Outcome.LOST,
        ),
    ],
)
def test_how_a_host_died_by_itself(
    exited: Exit, reason: str, code: int | None, outcome: Outcome
) -> None:
    death = of_exit(exited, [])

    assert (death.reason, death.exit_code, death.outcome) == (reason, code, outcome)
    assert (death.guilty, death.is_ours) == ("", False)


@pytest.mark.parametrize(
    ("exited", "said", "guilty"),
    [
        (Exit(code=7), [("a.1", 7)], "a.1"),
        (Exit(code=7), [("a.1", 7), ("b.1", 7)], "b.1"),
        (Exit(code=1), [("a.1", 257)], "a.1"),
        (Exit(code=7), [("a.1", 8)], ""),
        (Exit(signal=9), [("a.1", 9)], ""),
    ],
)
def test_who_said_that_it_ends_the_process_is_guilty_if_that_is_how_it_ended(
    exited: Exit, said: list[tuple[str, int]], guilty: str
) -> None:
    assert of_exit(exited, said).guilty == guilty
