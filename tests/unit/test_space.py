"""When a disk is full, short of room, roomy; and how much of what tasks print stays on it."""

import pytest

from rq_agent.worker.space import Space, is_full, is_roomy, is_tight, kept_bytes, tight_below

MIB = 1024**2
GIB = 1024**3


def space(free: int, total: int = 500 * GIB, files: int | None = None) -> Space:
    return Space(free_bytes=free, total_bytes=total, free_files=files)


@pytest.mark.parametrize(
    ("seen", "full", "roomy"),
    [
        (space(0), True, False),
        (space(16 * MIB - 1), True, False),
        (space(16 * MIB), False, False),
        (space(64 * MIB - 1), False, False),
        (space(64 * MIB), False, True),
        (space(20 * 1024, total=2 * MIB), True, False),
        (space(24 * 1024, total=2 * MIB), False, False),
        (space(84 * 1024, total=2 * MIB), False, True),
        (space(GIB, files=63), True, False),
        (space(GIB, files=100), False, False),
        (space(GIB, files=256), False, True),
    ],
)
def test_a_full_disk_needs_more_room_to_be_roomy_than_not_to_be_full(
    seen: Space, full: bool, roomy: bool
) -> None:
    assert (is_full(seen), is_roomy(seen)) == (full, roomy)


@pytest.mark.parametrize(
    ("free", "was", "now"),
    [
        (256 * MIB - 1, False, True),
        (256 * MIB, False, False),
        (1023 * MIB, True, True),
        (1024 * MIB, True, False),
    ],
)
def test_a_disk_that_was_short_of_room_stays_so_until_there_is_much_more(
    free: int, was: bool, now: bool
) -> None:
    assert is_tight(space(free), was_tight=was) is now


def test_less_is_kept_while_room_is_short_and_still_less_on_a_small_disk() -> None:
    assert kept_bytes(GIB, space(0), is_tight=False) == GIB
    assert kept_bytes(GIB, space(0), is_tight=True) == 64 * MIB
    assert kept_bytes(8 * MIB, space(0), is_tight=True) == 8 * MIB
    assert kept_bytes(GIB, space(0, total=64 * MIB), is_tight=True) == 8 * MIB
    assert tight_below(64 * MIB) == 64 * MIB // 20
