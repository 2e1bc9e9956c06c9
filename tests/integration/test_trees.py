"""Nothing of a task outlives it, whatever it did to live on."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import psutil
import pytest

import rq_agent
from rq_agent.worker.process import cgroup, cgroup_place, leftovers
from rq_agent.worker.process import launcher as launching
from rq_agent.worker.process import stop as stopping
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.stop import stop
from rq_agent.worker.process.wait import LOST, wait
from tests.looking import look_again
from tests.tree_shapes import SHAPES, living, standing, survivors

ROOT = Path(rq_agent.__file__).parent.parent
GROUPS = cgroup_place.find()
WAYS = [
    pytest.param("", id="subreaper"),
    pytest.param(
        GROUPS, id="group", marks=pytest.mark.skipif(not GROUPS, reason="no control group is ours")
    ),
]
AS_NOBODY = """
import os, sys
sys.path.append({root!r})
import socket
from rq_agent.worker.process import launcher_loop, shim

def run(what, held, real=shim.run):
    for name in (".", *os.listdir(what.folder)):
        os.chown(os.path.join(what.folder, name), 65534, 65534)
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    real(what, held)

shim.run = run
launcher_loop.serve(socket.socket(fileno=int(sys.argv[1])))
"""


@pytest.fixture(params=WAYS)
async def launcher(request: pytest.FixtureRequest) -> AsyncIterator[Launcher]:
    async with Launcher(groups=request.param) as running:
        yield running


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def new_folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def existing(*paths: str) -> list[str]:
    return [path for path in paths if os.path.exists(path)]


def assert_no_group_is_left(handle: Handle) -> None:
    assert not existing(handle.cgroup)


async def test_a_stop_leaves_nothing_alive(launcher: Launcher, tmp_path: Path) -> None:
    for shape in SHAPES:
        folder = new_folder(tmp_path, shape)
        handle, mark = await standing(launcher, folder, shape)

        await stop(handle, grace_s=0)

        assert living(mark) == set(), shape
        assert (await wait(handle)).stopped_by == "kill"
        assert not (folder / "shim.log").exists()
        assert_no_group_is_left(handle)


async def test_a_killed_shim_leaves_nothing_alive(launcher: Launcher, tmp_path: Path) -> None:
    for shape in SHAPES:
        handle, mark = await standing(launcher, new_folder(tmp_path, shape), shape)

        os.kill(handle.pid, signal.SIGKILL)

        assert (await wait(handle)).error == LOST
        assert await survivors(mark, within_s=5) == set(), shape
        assert_no_group_is_left(handle)


async def test_a_hanging_shim_leaves_nothing_alive(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "SHIM_PATIENCE_S", 0.1)
    handle, mark = await standing(launcher, tmp_path, "phoenix")
    os.kill(handle.pid, signal.SIGSTOP)

    await stop(handle, grace_s=0)

    assert (await wait(handle)).error == LOST
    assert await survivors(mark, within_s=5) == set()


@pytest.mark.skipif(not GROUPS, reason="no control group is ours")
async def test_a_group_tells_what_is_left_when_shim_and_launcher_were_killed(
    tmp_path: Path,
) -> None:
    async with Launcher() as launcher:
        handle, mark = await standing(launcher, tmp_path, "without variables")
        for pid in (psutil.Process(handle.pid).ppid(), handle.pid):
            os.kill(pid, signal.SIGKILL)

        assert (await wait(handle)).error == LOST

    assert living(mark) == set()
    assert_no_group_is_left(handle)


@pytest.mark.skipif(not GROUPS, reason="no control group is ours")
async def test_the_next_session_removes_the_groups_that_are_empty(tmp_path: Path) -> None:
    async with Launcher() as launcher:
        handle, _ = await standing(launcher, new_folder(tmp_path, "running"), "plain")
        left = cgroup_place.path_for(GROUPS, tmp_path / "left")
        of_others = cgroup_place.path_for(GROUPS, tmp_path / "other" / "left")
        for path in (left, f"{left}/below", of_others):
            os.mkdir(path)

        launcher.sweep(tmp_path)

        assert existing(left, of_others, handle.cgroup) == [of_others, handle.cgroup]
        os.rmdir(of_others)
        await stop(handle, grace_s=0)


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="changes its user")
async def test_without_the_right_to_a_group_nothing_is_left_alive_either(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, folder = tmp_path / "program.py", new_folder(open_folder, "run")
    program.write_text(AS_NOBODY.format(root=str(ROOT)))
    monkeypatch.setattr(launching, "_PROGRAM", program)
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")  # which everybody may start
    assert python

    async with Launcher(groups=GROUPS or "/sys/fs/cgroup") as launcher:
        handle, mark = await standing(launcher, folder, "phoenix", python=python)
        assert {psutil.Process(pid).uids().real for pid in living(mark)} == {65534}
        await stop(handle, grace_s=0)

    assert living(mark) == set()
    assert "no control group: " in (folder / "shim.log").read_text()


async def test_what_a_program_leaves_at_its_own_end_is_killed(
    launcher: Launcher, tmp_path: Path
) -> None:
    handle, mark = await standing(launcher, tmp_path, "deaf")
    program = psutil.Process(handle.pid).children()[0]

    program.kill()
    with anyio.fail_after(10):
        ended = await wait(handle)

    assert (ended.signal, ended.leftovers, ended.oom, ended.machine_oom) == (9, 3, False, False)
    assert living(mark) == set()


@pytest.mark.skipif(not GROUPS, reason="no control group is ours")
@pytest.mark.parametrize("file", ["cgroup.kill", "not before Linux 5.14"])
async def test_a_group_is_killed_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setattr(cgroup, "_KILL_FILE", file)
    async with Launcher() as launcher:
        handle, mark = await standing(launcher, tmp_path, "runner")
        os.kill(handle.pid, signal.SIGSTOP)  # it is not to help
        try:
            assert await anyio.to_thread.run_sync(
                partial(cgroup.empty, handle.cgroup, patience_s=5)
            )
            assert living(mark) == set()
        finally:
            os.kill(handle.pid, signal.SIGCONT)
        assert (await wait(handle)).signal == signal.SIGKILL


async def test_a_shim_may_end_while_its_tree_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Launcher() as launcher:
        handle, _ = await standing(launcher, tmp_path, "plain")
        await stop(handle, grace_s=0)
        while psutil.pid_exists(handle.pid):
            await look_again()
    monkeypatch.setattr(leftovers, "is_alive", lambda handle: True)

    assert leftovers.kill(handle) == 0
