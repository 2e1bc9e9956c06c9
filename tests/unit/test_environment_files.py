"""Locks, trees and scripts of environments on a real file system."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from rq_agent.worker.environment import scripts, tree
from rq_agent.worker.environment.locks import locked, try_lock
from rq_agent.worker.environment.place import Places
from rq_agent.worker.environment.uv import silent


def test_users_share_a_lock_and_a_remover_gets_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "key.use"
    first, second = try_lock(path, exclusive=False), try_lock(path, exclusive=False)
    assert first is not None
    assert second is not None
    os.close(first)
    assert try_lock(path, exclusive=True) is None
    os.close(second)
    alone = try_lock(path, exclusive=True)
    assert alone is not None
    assert try_lock(path, exclusive=False) is None
    os.close(alone)


def test_a_lock_is_not_inherited_by_accident(tmp_path: Path) -> None:
    fd = try_lock(tmp_path / "key", exclusive=True)
    assert fd is not None
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "key"
    code = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)"
    path.touch()
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    fd = try_lock(path, exclusive=True)
    assert fd is not None
    os.close(fd)


async def test_who_waits_for_a_lock_gets_it_next(tmp_path: Path) -> None:
    path = tmp_path / "key"
    waits = anyio.Event()
    fd = try_lock(path, exclusive=True)
    assert fd is not None

    async with anyio.create_task_group() as tg:

        async def give_back() -> None:
            await waits.wait()
            os.close(fd)

        tg.start_soon(give_back)
        with anyio.fail_after(5):
            async with locked(path, exclusive=True, report=lambda _: waits.set(), waiting_for="it"):
                assert try_lock(path, exclusive=True) is None


async def test_a_cancelled_wait_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = tmp_path / "key"
    fd = try_lock(path, exclusive=True)
    assert fd is not None
    with anyio.move_on_after(0.03) as scope:
        async with locked(path, exclusive=True, report=silent, waiting_for=""):
            pytest.fail("somebody else had it")
    os.close(fd)
    assert scope.cancelled_caught
    again = try_lock(path, exclusive=True)
    assert again is not None
    os.close(again)


def test_sealing_takes_the_right_to_write_from_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("12345")
    (tmp_path / "a" / "program").touch(0o755)
    (tmp_path / "link").symlink_to("nowhere")

    size_bytes = tree.seal(tmp_path)

    modes = {p.name: stat.S_IMODE(p.lstat().st_mode) for p in (tmp_path / "a").iterdir()}
    assert modes == {"file": 0o444, "program": 0o555}
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o555
    assert size_bytes == 5 + len("nowhere")
    tree.unseal(tmp_path)


def test_a_file_under_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("12345")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert tree.seal(tmp_path) == 5


def test_a_sealed_folder_can_be_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "keep").touch()
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "link").symlink_to(outside)
    tree.seal(folder)

    tree.remove(folder)
    tree.remove(folder)  # nothing is there any more

    assert not folder.exists()
    assert (outside / "keep").exists()


def test_only_console_scripts_are_rewritten_and_links_stay(tmp_path: Path) -> None:
    header = b'#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python\' "$0" "$@"\n'
    cached = tmp_path / "cached"
    cached.write_bytes(header + b"' '''\nprint(1)\n")
    cached.chmod(0o755)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tool").hardlink_to(cached)
    (folder / "other").write_bytes(b"\x7fELF")
    (folder / "python").symlink_to("/usr/bin/python3")

    scripts.prefer_overlay(folder)

    assert scripts.VARIABLE in (folder / "tool").read_text()
    assert stat.S_IMODE((folder / "tool").stat().st_mode) == 0o755
    assert cached.read_bytes().startswith(header)
    assert (folder / "other").read_bytes() == b"\x7fELF"
    assert (folder / "python").is_symlink()


def test_the_last_use_is_the_time_of_a_file_outside_the_environment(tmp_path: Path) -> None:
    places = Places(tmp_path)
    assert places.last_used_ns("key") == 0
    places.touch("key")
    first = places.last_used_ns("key")
    os.utime(tmp_path / "environments" / ".used" / "key", ns=(1, 1))
    places.touch("key")
    assert places.last_used_ns("key") >= first > 1
