"""Which call goes to which host, and how many hosts are made."""

from collections.abc import Sequence

import pytest

from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec
from rq_agent.broker.states import Phase
from rq_agent.worker.services.calls import Call, HostPlan
from rq_agent.worker.services.pool import Pool

DEFINITION = Definition(
    code=Code(form="file", blob="0" * 64, size_bytes=1, file_name="a.py"),
    environment=EnvironmentSpec(),
    entry=Entry(script="a.py"),
)


class Host:
    def __init__(self, room: int) -> None:
        self.room = room

    def run(self, calls: Sequence[Call]) -> None:
        self.room -= len(calls)


def pool(waiting: int, *, most: int = 10, isolation: int = 0, alone: bool = False) -> Pool[Host]:
    plan = HostPlan(
        key="k", kind="coroutine", definition=DEFINITION, variables={}, most=most, alone=alone
    )
    found: Pool[Host] = Pool(plan, isolation)
    for n in range(waiting):
        found.waiting[f"t{n}.1"] = Call(key=f"t{n}.1", target="a:f", arguments=b"[[],{}]")
    return found


def test_calls_go_in_their_order_to_hosts_with_room() -> None:
    calls = pool(5)
    calls.hosts = [Host(0), Host(2), Host(9)]

    placed = [[call.key for call in given] for _, given in calls.place()]

    assert placed == [["t0.1", "t1.1"], ["t2.1", "t3.1", "t4.1"]]
    assert not calls.waiting


@pytest.mark.parametrize(
    ("waiting", "most", "isolation", "making", "wanted"),
    [
        (0, 10, 0, 0, 0),
        (1, 10, 0, 0, 1),
        (10, 10, 0, 0, 1),
        (11, 10, 0, 0, 2),
        (11, 10, 0, 1, 1),
        (3, 10, 0, 3, 0),
        (3, 10, 3, 0, 3),
        (1_000, 10, 0, 0, 4),  # at once; then more
        (1_000, 10, 0, 3, 1),
    ],
)
def test_as_many_hosts_are_made_as_the_calls_need(
    waiting: int, most: int, isolation: int, making: int, wanted: int
) -> None:
    calls = pool(waiting, most=most, isolation=isolation)
    calls.making = making

    assert calls.wanted() == wanted


@pytest.mark.parametrize(("alone", "wanted"), [(False, 0), (True, 4)])
def test_calls_that_only_isolation_keeps_apart_wait_for_one_of_64_processes(
    alone: bool, wanted: int
) -> None:
    calls = pool(1_000, most=1 if alone else 1_000, isolation=2, alone=alone)
    calls.hosts = [Host(0) for _ in range(64)]

    assert calls.wanted() == wanted


def test_a_third_failure_in_a_row_is_the_last_try() -> None:
    calls = pool(1)

    assert [calls.failed(), calls.failed()] == [0.5, 2.0]
    calls.started()
    assert [calls.failed(), calls.failed(), calls.failed()] == [0.5, 2.0, None]
    assert calls.failed() == 0.5


def test_who_waits_long_is_told_each_phase_once_and_that_it_runs() -> None:
    calls = pool(2)
    calls.entered(Phase.SNAPSHOT, now_s=100.0)
    assert calls.untold(now_s=100.4) is None

    assert calls.untold(now_s=100.6) == (Phase.SNAPSHOT, ["t0.1", "t1.1"])
    assert calls.untold(now_s=100.7) is None
    calls.entered(Phase.ENVIRONMENT, now_s=100.8)
    assert calls.untold(now_s=100.8) == (Phase.ENVIRONMENT, ["t0.1", "t1.1"])
    calls.hosts = [Host(1)]
    ((_, given),) = calls.place()

    assert calls.begun(given) == ["t0.1"]
    assert calls.begun(given) == []


def test_a_call_that_is_dropped_waits_no_more() -> None:
    calls = pool(2)

    assert calls.drop("t0.1") is not None
    assert calls.drop("t0.1") is None
    assert list(calls.waiting) == ["t1.1"]
