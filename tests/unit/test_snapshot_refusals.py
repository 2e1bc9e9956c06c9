"""What can't travel is refused by name, with what to do about it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rq_agent.broker.errors import SnapshotError
from rq_agent.broker.snapshot import selection
from rq_agent.broker.snapshot.content import read
from rq_agent.broker.snapshot.files import File
from rq_agent.broker.snapshot.limits import MAX_FILES, check_files
from rq_agent.broker.snapshot.take import take

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", *identity, "-c", "protocol.file.allow=always", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q")
    (root / "train.py").write_text("print(1)\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x")
    return root


def refusal(repo: Path, **options: int) -> str:
    with pytest.raises(SnapshotError) as caught:
        take(repo / "train.py", workdir=repo, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_submodules_are_refused_by_path(repo: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    lib.mkdir()
    git(lib, "init", "-q")
    git(lib, "commit", "-q", "--allow-empty", "-m", "x")
    git(repo, "submodule", "add", "-q", str(lib), "third/lib")

    words = refusal(repo)

    assert "submodules" in words
    assert "third/lib" in words


def test_a_submodule_that_is_not_checked_out_is_left_out(repo: Path) -> None:
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},third")
    (repo / "third").mkdir()

    assert take(repo / "train.py", workdir=repo).file_count == 1


@pytest.mark.parametrize("has_commit", [True, False])
def test_nested_repositories_are_refused_by_path(repo: Path, has_commit: bool) -> None:
    (repo / "inner").mkdir()
    git(repo / "inner", "init", "-q")
    if has_commit:
        git(repo / "inner", "commit", "-q", "--allow-empty", "-m", "x")

    assert "nested repositories do not travel yet: inner in" in refusal(repo)


def test_a_nested_repository_can_be_left_out(repo: Path) -> None:
    (repo / "inner").mkdir()
    git(repo / "inner", "init", "-q")
    (repo / ".rqagentignore").write_text("inner/\n")

    assert take(repo / "train.py", workdir=repo).file_count == 2


def test_lfs_pointers_are_refused_by_path(repo: Path) -> None:
    (repo / "model.bin").write_text(POINTER)
    (repo / "real.bin").write_text("real content of a file that LFS looks after")

    words = refusal(repo)

    assert "git lfs pull" in words
    assert "model.bin;" in words


def test_a_pack_over_the_limit_lists_the_largest_files(repo: Path) -> None:
    for number in range(12):
        (repo / f"noise{number}.bin").write_bytes(os.urandom(1000 * (number + 1)))

    words = refusal(repo, limit_bytes=20_000)

    assert "the limit of the pack is 19.5 KiB" in words
    lines = [line.split()[-1] for line in words.splitlines() if line.startswith("  ")]
    assert lines == [f"noise{number}.bin" for number in range(11, 1, -1)]
    assert "--snapshot-limit" in words


def test_a_pack_over_the_limit_is_noticed_while_it_is_written(repo: Path) -> None:
    (repo / "noise.bin").write_bytes(os.urandom(17 * 1024 * 1024))
    (repo / "z-not-read.bin").write_bytes(os.urandom(24 * 1024 * 1024))
    said: list[str] = []

    with pytest.raises(SnapshotError, match="too large"):
        take(repo / "train.py", workdir=repo, limit_bytes=4 * 1024 * 1024, progress=said.append)

    assert "packing 3 files, 16.0 MiB" in said
    assert not any("32.0 MiB" in text for text in said)


def test_files_that_can_never_fit_are_not_even_read(repo: Path) -> None:
    with (repo / "huge.bin").open("wb") as file:
        file.truncate(50 * 1024**3)

    words = refusal(repo)

    assert "its files hold 50.0 GiB" in words
    assert "huge.bin" in words


def test_a_huge_file_that_is_left_out_counts_for_nothing(repo: Path) -> None:
    with (repo / "huge.bin").open("wb") as file:
        file.truncate(50 * 1024**3)
    (repo / ".rqagentignore").write_text("*.bin\n")

    assert take(repo / "train.py", workdir=repo).file_count == 2


def test_too_many_files_name_the_fullest_folders() -> None:
    files = [File(f"data/{number}", "100644", 1) for number in range(MAX_FILES + 1)]

    with pytest.raises(SnapshotError, match=r"most lie in data \(100001\)"):
        check_files(files, limit_bytes=1_000_000)


def test_a_tracked_file_that_became_a_pipe_is_refused_by_name(repo: Path) -> None:
    (repo / "a.txt").write_text("x")
    git(repo, "add", "-A")
    (repo / "a.txt").unlink()
    os.mkfifo(repo / "a.txt")

    assert "neither files nor links, so they can't travel: a.txt;" in refusal(repo)


def test_a_file_that_vanishes_while_it_is_packed_says_to_try_again(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "brief.txt").write_text("x")
    monkeypatch.setattr(selection, "check_files", lambda *_, **__: (repo / "brief.txt").unlink())

    assert "brief.txt vanished while the snapshot was made; try again" in refusal(repo)


def read_while_it_empties(path: Path) -> None:
    _, chunks = read(path.parent, File(path.name, "100644", 8))
    for _ in chunks:
        path.write_bytes(b"")


@pytest.mark.parametrize("becomes", ["link", "pipe", "shorter"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, becomes: str) -> None:
    path = tmp_path / "x"
    match becomes:
        case "link":
            path.symlink_to("/etc/hostname")
        case "pipe":
            os.mkfifo(path)
        case "shorter":
            path.write_bytes(b"12345678" * 400_000)

    with pytest.raises(SnapshotError, match=r"x (changed|shrank)"):
        read_while_it_empties(path)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users can enter, as pytest's own can not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_file_without_read_permission_is_refused_by_name(public_folder: Path) -> None:
    (public_folder / "secret").write_text("x")
    (public_folder / "secret").chmod(0)
    as_root = os.geteuid() == 0
    if as_root:
        os.seteuid(65534)
    try:
        with pytest.raises(SnapshotError, match="can't read secret: permission denied"):
            read(public_folder, File("secret", "100644", 1))
    finally:
        if as_root:
            os.seteuid(0)


def test_without_git_a_repository_can_not_travel(
    repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "git is not on the PATH" in refusal(repo)
