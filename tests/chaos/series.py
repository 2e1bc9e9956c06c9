"""What is measured of a process or a server again and again, and whether it rises. Pure."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import median

import msgspec

Point = tuple[float, float]
"""When (s), how much."""


class Bound(msgspec.Struct, frozen=True):
    """How much something may rise while it is watched: a share of what it was, or so much."""

    share: float
    least: float


def rise(points: Sequence[Point]) -> float:
    """Return by how much a series rises from its begin to its end, by its typical slope.

    The median of the slopes of all pairs (Theil and Sen): peaks don't move it.
    """
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0]]
    return median(slopes) * (points[-1][0] - points[0][0]) if slopes else 0.0


def begin_and_end(points: Sequence[Point]) -> tuple[float, float]:
    """Return the medians of the first and of the last third."""
    third = max(1, len(points) // 3)
    return median(v for _, v in points[:third]), median(v for _, v in points[-third:])


def warmed_up(points: Sequence[Point], share: float = 0.3) -> Sequence[Point]:
    """Return the points without the first ones, in which caches fill."""
    return points[int(len(points) * share) :]


def rising(series: Mapping[str, Sequence[Point]], bounds: Mapping[str, Bound]) -> list[str]:
    """Return what rises by more than it may, a line each.

    Args:
        series: by name, e.g. `w1 rss_mib`; after the warm-up.
        bounds: by the last word of the name.
    """
    found = []
    for name, points in series.items():
        bound, begin = bounds[name.split()[-1]], begin_and_end(points)[0]
        most = max(bound.least, bound.share * begin)
        if (up := rise(points)) > most:
            found.append(f"{name} rises by {up:.1f} from {begin:.1f}; {most:.1f} would be allowed")
    return found
