"""What a worker holds of an attempt that an earlier session left."""

from typing import Any

import msgspec
import pytest

from rq_agent.broker.needs import Need
from rq_agent.worker.capacity import Capacity
from rq_agent.worker.held import HeldTasks
from rq_agent.worker.noted import held_of, need_of, numbers_of
from rq_agent.worker.process.journal import Attempt
from rq_agent.worker.recovery import Recovery


def attempt(task_id: str = "a", fence: int = 2, **fields: Any) -> Attempt:
    return Attempt(task_id=task_id, fence=fence, nonce="n", folder="/none", **fields)


@pytest.mark.parametrize(
    ("gpus", "need", "takes"),
    [
        (("0",), {"gpus": 1, "cpus": 2.0, "mem_mib": 100}, Need(gpus=1, cpus=2, mem_mib=100)),
        (("0",), {}, Need(gpus=1)),
        ((), {"cpus": "many"}, Need()),
        ((), {"cpus": 1, "tpus": 4}, Need(cpus=1)),
        (None, {}, Need()),
    ],
    ids=["whole", "gpus", "nonsense", "newer", "older"],
)
def test_its_need_is_booked_as_far_as_it_is_known(
    gpus: tuple[str, ...] | None, need: dict[str, Any], takes: Need
) -> None:
    assert held_of(attempt(gpus=gpus, need=need)).need == takes


@pytest.mark.parametrize(
    ("claim", "queue"),
    [({"queue": "q", "later": 1}, "q"), ({}, ""), ({"queue": 5}, "")],
    ids=["newer", "none", "nonsense"],
)
def test_its_claim_is_read_as_far_as_it_is_known(claim: dict[str, Any], queue: str) -> None:
    held = held_of(attempt(claim=claim))

    assert (held.claim.task_id, held.claim.fence, held.claim.nonce) == ("a", 2, "n")
    assert held.claim.queue == queue


def test_a_worker_with_less_than_before_is_overbooked() -> None:
    tasks = HeldTasks(lambda: None)
    capacity = Capacity(slots=1, gpus=("0", "2"), cpus=1, mem_mib=10)

    found = Recovery(
        [
            attempt("a", gpus=("0",), need={"gpus": 1, "cpus": 4}),
            attempt("b", gpus=("1",), need={"gpus": 1}),
            attempt("c"),
            attempt("d"),
        ],
        tasks,
        capacity,
    ).found

    free = capacity.free
    assert (free.slots, free.gpus, free.cpus) == (0, 1, 0)
    assert capacity.take("e", Need(gpus=1)) == ("2",)
    for _, held in found:
        capacity.give_back(held.key)
    assert capacity.free.slots == 1
    assert [held.claim.task_id for held in tasks] == ["a", "b", "c", "d"]


def test_of_two_claims_of_a_task_the_newer_counts() -> None:
    tasks = HeldTasks(lambda: None)
    capacity = Capacity(slots=1, gpus=(), cpus=1, mem_mib=1)

    [(_, old), (_, new)] = Recovery([attempt(fence=2), attempt(fence=3)], tasks, capacity).found

    assert (str(old.cause), new.cause) == ("lost", None)


def test_it_counts_as_started_until_it_was_looked_for() -> None:
    """Who starts anew at once must not give it back."""
    assert held_of(attempt()).is_started
    assert not held_of(attempt(gpus=())).is_watched


@pytest.mark.parametrize("need", [Need(gpus=1, cpus=0.5), Need(light=True), Need()])
def test_the_journal_tells_what_an_attempt_takes(need: Need) -> None:
    numbers = numbers_of(need)
    written = msgspec.json.decode(msgspec.json.encode(numbers), type=dict[str, float])

    assert need_of(attempt(need=written), ("0",) * need.gpus) == need
