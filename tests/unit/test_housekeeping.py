import os
from pathlib import Path

from rq_agent.worker.housekeeping import remove_old


def folder(parent: Path, name: str, *, changed_s: float) -> Path:
    path = parent / name
    path.mkdir(parents=True)
    (path / "out").write_text("said")
    os.utime(path, (changed_s, changed_s))
    return path


def test_old_run_folders_go_and_held_or_new_ones_stay(tmp_path: Path) -> None:
    old = folder(tmp_path, "t1.1", changed_s=100)
    held = folder(tmp_path, "t2.1", changed_s=100)
    new = folder(tmp_path, "t3.1", changed_s=300)

    assert remove_old(tmp_path, {held}, oldest_s=200) == [old]

    assert not old.exists()
    assert held.exists()
    assert new.exists()


def test_a_worker_without_run_folders_has_nothing_to_remove(tmp_path: Path) -> None:
    assert remove_old(tmp_path / "tasks", set(), oldest_s=200) == []
