"""Histograms of times: the buckets that `lua/counts.lua` counts in, and percentiles of them. Pure.

Log-linear, as in HDR Histogram (https://hdrhistogram.org): each power of two is split into eight
buckets of one width, and below 16 ms each millisecond has one of its own. So the middle of a
bucket is within 6.25 % of whatever is in it. Stored counts outlive the code that wrote them:
the scheme never changes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_SPLIT: Final = 8
"""Buckets of each power of two."""
LONGEST_MS: Final = 30 * 86_400_000
"""Longer times are counted as this long."""

Histogram = Mapping[int, int]
"""Bucket -> how many times fell into it."""


def bucket_of(ms: int) -> int:
    """Return the bucket of a time."""
    kept = max(0, min(ms, LONGEST_MS))
    scale = max(0, kept.bit_length() - 4)
    return scale * _SPLIT + (kept >> scale)


LAST: Final = bucket_of(LONGEST_MS)
"""The highest bucket that there is."""


def bounds_ms(bucket: int) -> tuple[int, int]:
    """Return the shortest and the longest whole number of ms in a bucket."""
    scale = max(0, bucket // _SPLIT - 1)
    shortest = (bucket - scale * _SPLIT) << scale
    return shortest, shortest + (1 << scale) - 1


def middle_ms(bucket: int) -> float:
    """Return the time that stands for all in a bucket."""
    shortest, longest = bounds_ms(bucket)
    return (shortest + longest) / 2


def merged(histograms: Iterable[Histogram]) -> dict[int, int]:
    """Return the sum of histograms."""
    total: dict[int, int] = {}
    for histogram in histograms:
        for bucket, count in histogram.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def percentiles_ms(histogram: Histogram, percents: Sequence[float]) -> tuple[float, ...] | None:
    """Return the times that so many percent do not exceed (nearest rank); None where it is empty.

    Args:
        histogram: counts by bucket.
        percents: above 0, at most 100, in rising order.
    """
    total = sum(histogram.values())
    if not total:
        return None
    found: list[float] = []
    seen = 0
    for bucket in sorted(histogram):
        seen += histogram[bucket]
        while len(found) < len(percents) and seen >= math.ceil(total * percents[len(found)] / 100):
            found.append(middle_ms(bucket))
    return tuple(found)
