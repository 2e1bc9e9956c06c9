"""Whether what a soak measures rises."""

import random

import pytest

from ..chaos.series import Bound, begin_and_end, rise, rising, warmed_up
from ..chaos.soak_watch import lingering

FLAT = [(float(t), 100.0) for t in range(60)]
LEAK = [(float(t), 100.0 + t) for t in range(60)]


def noisy(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    rng = random.Random(3)
    return [(t, v + rng.uniform(-5, 5) + (500 if t % 17 == 0 else 0)) for t, v in points]


@pytest.mark.parametrize(
    ("points", "least", "most"),
    [(FLAT, 0, 0), (LEAK, 59, 59), (noisy(FLAT), -4, 4), (noisy(LEAK), 52, 66), ([(1, 2)], 0, 0)],
)
def test_peaks_and_noise_hide_no_rise_and_make_none(
    points: list[tuple[float, float]], least: float, most: float
) -> None:
    assert least <= rise(points) <= most


def test_what_rises_by_more_than_it_may_is_named() -> None:
    bounds = {"keys": Bound(0.1, 20.0), "threads": Bound(0, 2)}

    assert rising({"w1 keys": FLAT, "w1 threads": FLAT}, bounds) == []
    [line] = rising({"w1 keys": LEAK, "w2 keys": [(t, v / 10) for t, v in LEAK]}, bounds)
    assert line.startswith("w1 keys rises by 59.0 from 109.5; 20.0")


def test_the_begin_is_left_out() -> None:
    assert warmed_up(LEAK)[0] == (18.0, 118.0)
    assert begin_and_end(LEAK) == (109.5, 149.5)


@pytest.mark.parametrize(
    ("seen", "found"),
    [((0, 1, 0, 1, 0, 1, 0, 1), False), ((0, 1, 1, 1, 0), False), ((0, 1, 1, 1, 1), True)],
)
def test_what_is_there_at_each_look_lingers(seen: tuple[int, ...], found: bool) -> None:
    assert lingering([(float(t), v) for t, v in enumerate(seen)]) is found
