"""Files that only their owner can read."""

import os
import stat
from pathlib import Path

import pytest

from rq_agent.broker import private_files
from rq_agent.broker.private_files import OpenToOthersError


def test_what_is_written_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("a longer text that was there before")
    path.chmod(0o644)

    private_files.write(path, b"short")

    assert private_files.read(path) == b"short"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
def test_what_others_may_use_is_not_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.chmod(mode)

    with pytest.raises(OpenToOthersError, match=rf"mode {mode:04o} .*run: chmod 600 {path}"):
        private_files.read(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_is_another_users_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    os.chown(path, 12345, -1)

    with pytest.raises(OpenToOthersError, match="belongs to the user with id 12345"):
        private_files.read(path)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(OSError, match="folder"):
        private_files.write(tmp_path / "folder", b"x")

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
