"""Packs on a worker's disk go when they are too many, those used lately last."""

import os
from pathlib import Path

from rq_agent.broker.snapshot.trim import trim

NOW_S = 1_800_000_000.0


def put(cache: Path, name: str, *, size_bytes: int, age_s: float) -> Path:
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / "pack").write_bytes(bytes(size_bytes))
    os.utime(folder, (NOW_S - age_s, NOW_S - age_s))
    return folder


def test_the_least_recently_used_packs_go_first(tmp_path: Path) -> None:
    old = put(tmp_path, "old", size_bytes=1000, age_s=5000)
    older = put(tmp_path, "older", size_bytes=1000, age_s=9000)
    new = put(tmp_path, "new", size_bytes=1000, age_s=700)

    freed = trim(tmp_path, max_bytes=2000, now_s=NOW_S)

    assert freed == 1000
    assert [path.exists() for path in (older, old, new)] == [False, True, True]


def test_a_pack_in_use_stays_whatever_its_size(tmp_path: Path) -> None:
    used = put(tmp_path, "used", size_bytes=1000, age_s=1)

    assert trim(tmp_path, max_bytes=0, now_s=NOW_S) == 0
    assert used.exists()


def test_what_a_dead_unpacker_left_goes_although_there_is_room(tmp_path: Path) -> None:
    dead = put(tmp_path, ".making-x", size_bytes=10, age_s=5000)
    alive = put(tmp_path, ".making-y", size_bytes=10, age_s=5)

    trim(tmp_path, max_bytes=10**9, now_s=NOW_S)

    assert [dead.exists(), alive.exists()] == [False, True]


def test_a_cache_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert trim(tmp_path / "nothing", max_bytes=0) == 0
