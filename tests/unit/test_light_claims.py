"""How large the claims of a worker with service slots are."""

import pytest

from rq_agent.broker.needs import Need
from rq_agent.worker.capacity import Capacity
from rq_agent.worker.services.ahead import MOST, ahead, is_worth_a_claim
from rq_agent.worker.services.pace import Pace
from rq_agent.worker.turns import Turn, light_turn, wide_turn

KNOWN = {"cpu": Need(), "light": Need(light=True)}


def books(*, slots: int = 0, services: int = 0, is_shared: bool = False) -> Capacity:
    return Capacity(
        slots=slots, gpus=(), cpus=8, mem_mib=100, services=services, is_shared=is_shared
    )


@pytest.mark.parametrize(
    ("slots", "typical_ms", "since_end_ms", "answer"),
    [
        (1, 0.0, 0, MOST),
        (1, 1.0, 0, 30),
        (10, 10.0, 0, 30),
        (1000, 100.0, 0, 300),
        (1000, 301.0, 0, 0),  # long tasks: another worker may be free sooner
        (1000, 1.0, 101, 0),  # nothing ended of late: what runs may be long
        (0, 1.0, 0, 0),
    ],
)
def test_as_many_are_claimed_ahead_as_end_soon(
    slots: int, typical_ms: float, since_end_ms: float, answer: int
) -> None:
    assert ahead(slots=slots, typical_ms=typical_ms, since_end_ms=since_end_ms) == answer


@pytest.mark.parametrize(
    ("room", "held", "typical_ms", "answer"),
    [
        (1, 0, 0.1, True),
        (1, 500, 0.1, False),
        (64, 500, 0.1, True),
        (1, 500, 31.0, True),
        (3, 3, 0.1, True),
    ],
)
def test_a_claim_of_few_waits_a_moment_where_many_end(
    room: int, held: int, typical_ms: float, answer: bool
) -> None:
    assert is_worth_a_claim(room=room, held=held, typical_ms=typical_ms) is answer


def test_a_worker_learns_how_long_its_tasks_are_and_forgets_it() -> None:
    now_s = 0.0
    pace = Pace(10, now_s=lambda: now_s)
    before = pace.ahead()

    pace.ended([1] * 200)
    short = pace.ahead()
    pace.missed()

    assert (before, pace.ahead()) == (0, 0)
    assert short > 10
    pace.ended([1] * 200)
    now_s = 1.0
    assert pace.ahead() == 0


def test_one_claim_takes_light_and_ordinary_tasks_where_both_fit() -> None:
    turn = wide_turn(KNOWN, books(services=500, is_shared=True), most=None)

    assert turn == Turn(shapes=("cpu", "light"), limit=64, park=True)


def test_light_tasks_alone_are_claimed_in_large_batches() -> None:
    turn = wide_turn(KNOWN, books(services=500), most=None)

    assert turn == Turn(shapes=("light",), limit=200, park=True)


def test_one_free_slot_does_not_make_claims_of_light_tasks_small() -> None:
    capacity = books(slots=1, services=500)

    wide, light = (
        wide_turn(KNOWN, capacity, most=None),
        light_turn(KNOWN, capacity, ahead=0, most=9),
    )

    assert wide is not None
    assert wide.limit == 1
    assert light == Turn(shapes=("light",), limit=9, park=False, is_light=True)


def test_light_tasks_are_claimed_ahead_of_their_places() -> None:
    capacity = books(services=1)
    capacity.take("a", KNOWN["light"])

    assert wide_turn(KNOWN, capacity, most=None) is None
    assert light_turn(KNOWN, capacity, ahead=0, most=None) is None
    turn = light_turn(KNOWN, capacity, ahead=7, most=None)
    assert turn == Turn(shapes=("light",), limit=7, park=False, ahead=7, is_light=True)


def test_a_shape_that_is_not_known_yet_is_asked_for_all_the_same() -> None:
    assert wide_turn({}, books(slots=1), most=None) == Turn(shapes=(), limit=0, park=True)
