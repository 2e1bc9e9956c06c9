"""What is written into the files of a control group, and read from them.

A plain folder stands in for the kernel's: what the kernel does with it is tested where it is ours.
"""

from pathlib import Path

import pytest

from rq_agent.worker.process import cgroup, cgroup_place
from rq_agent.worker.process.cgroup import Group


def folder(parent: Path, *names: str) -> Path:
    parent.mkdir(exist_ok=True)
    for name in names:
        (parent / name).touch()
    return parent


def test_a_group_is_held_to_its_limits(tmp_path: Path) -> None:
    files = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max")
    group = Group(str(folder(tmp_path, *files)))

    group.limit(1.5)

    told = [(tmp_path / name).read_text() for name in files]
    assert told[:3] == [str(3 * 2**19), "0", "1"]
    assert 1_000 < int(told[3]) <= 32_768
    assert group.limits_memory


def test_without_controllers_nothing_is_limited_and_nothing_is_made(tmp_path: Path) -> None:
    group = Group(str(tmp_path))

    group.limit(1.5)

    assert not group.limits_memory
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("events", "ran_into_it"),
    [
        ("low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 1\n", True),
        ("low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n", False),  # the machine had none left
        ("low 0\nhigh 0\nmax 9\noom 0\noom_kill 0\n", False),  # it only gave back caches
        ("", False),
    ],
)
def test_a_limit_is_told_from_a_machine_without_memory(
    tmp_path: Path, events: str, ran_into_it: bool
) -> None:
    (tmp_path / "memory.events").write_text(events)

    assert Group(str(tmp_path)).ran_into_its_limit() is ran_into_it


def test_the_limit_of_a_group_that_a_task_made_below_is_not_the_task_s(tmp_path: Path) -> None:
    """A container in the task ran out of its own memory, and the task coped."""
    (tmp_path / "memory.events").write_text("max 7\noom 1\noom_kill 2\n")
    (tmp_path / "memory.events.local").write_text("max 0\noom 0\noom_kill 0\n")

    assert not Group(str(tmp_path)).ran_into_its_limit()

    (tmp_path / "memory.events.local").write_text("max 7\noom 1\noom_kill 0\n")

    assert Group(str(tmp_path)).ran_into_its_limit()


def test_the_group_above_a_worker_s_own_is_used_where_that_was_made_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = folder(tmp_path / "unit", "cgroup.procs", "cgroup.subtree_control")
    own = folder(unit / cgroup_place.SUBGROUP, "cgroup.procs")
    other = folder(unit / "other", "cgroup.procs")
    monkeypatch.setattr(cgroup_place, "_own", lambda: own)
    assert cgroup_place.find() == str(unit)
    assert (unit / "cgroup.subtree_control").read_text().startswith("+")

    monkeypatch.setattr(cgroup_place, "_own", lambda: other)
    assert cgroup_place.find() == str(other)
    monkeypatch.setattr(cgroup_place, "_own", lambda: None)
    assert cgroup_place.find() == ""


def test_members_of_groups_below_are_members(tmp_path: Path) -> None:
    for number, path in enumerate((tmp_path, tmp_path / "a", tmp_path / "a" / "b")):
        path.mkdir(exist_ok=True)
        (path / "cgroup.procs").write_text(f"{number + 10}\n")

    assert sorted(cgroup.members(str(tmp_path))) == [10, 11, 12]
    assert cgroup.members(str(tmp_path / "none")) == []
