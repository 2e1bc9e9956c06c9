"""Histograms of times: what a bucket may get wrong, and percentiles of buckets."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.broker.histogram import (
    LAST,
    LONGEST_MS,
    bounds_ms,
    bucket_of,
    merged,
    middle_ms,
    percentiles_ms,
)

TIMES = st.one_of(st.integers(0, 100), st.integers(0, LONGEST_MS))
PERCENTS = (50, 95, 99)


@given(TIMES)
def test_the_middle_of_a_bucket_is_within_a_sixteenth_of_what_is_in_it(ms: int) -> None:
    shortest, longest = bounds_ms(bucket_of(ms))

    assert shortest <= ms <= longest
    assert abs(middle_ms(bucket_of(ms)) - ms) <= ms / 16


def test_every_bucket_begins_where_the_one_before_it_ends() -> None:
    pairs = [bounds_ms(bucket) for bucket in range(LAST + 1)]

    assert pairs[0] == (0, 0)
    assert all(b[0] == a[1] + 1 for a, b in pairwise(pairs))
    assert all(bucket_of(pair[0]) == bucket for bucket, pair in enumerate(pairs))
    assert all(bucket_of(pair[1]) == bucket for bucket, pair in enumerate(pairs[:-1]))


@pytest.mark.parametrize(
    ("ms", "bucket"),
    [(0, 0), (1, 1), (15, 15), (16, 16), (17, 16), (18, 17), (1_000, 63), (60_000, 110)],
)
def test_a_time_keeps_its_bucket_for_ever(ms: int, bucket: int) -> None:
    assert bucket_of(ms) == bucket


@pytest.mark.parametrize(("ms", "bucket"), [(-5, 0), (LONGEST_MS * 1000, LAST), (LONGEST_MS, 233)])
def test_times_that_cannot_be_are_counted_at_the_ends(ms: int, bucket: int) -> None:
    assert bucket_of(ms) == bucket


@given(st.lists(TIMES, min_size=1, max_size=300))
def test_percentiles_are_within_a_sixteenth_of_the_exact_ones(times: list[int]) -> None:
    found = percentiles_ms(merged({bucket_of(ms): 1} for ms in times), PERCENTS)

    assert found is not None
    for percent, ms in zip(PERCENTS, found, strict=True):
        exact = sorted(times)[math.ceil(len(times) * percent / 100) - 1]
        assert abs(ms - exact) <= exact / 16


@pytest.mark.parametrize("empty", [{}, {5: 0}])
def test_where_nothing_was_counted_there_are_no_percentiles(empty: dict[int, int]) -> None:
    assert percentiles_ms(empty, PERCENTS) is None


def test_the_sum_of_histograms_counts_what_each_counted() -> None:
    assert merged([{1: 2, 3: 4}, {}, {3: 5, 7: 1}]) == {1: 2, 3: 9, 7: 1}
