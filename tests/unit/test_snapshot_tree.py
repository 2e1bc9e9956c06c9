"""What travels is what lies on the disk, and the user's repository is only read."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from rq_agent.broker.snapshot.take import take
from rq_agent.broker.snapshot.unpack import unpack


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", *identity, "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def facts(folder: Path) -> dict[str, tuple[str, int, bytes]]:
    """Return kind, mode bits and content of everything below a folder but `.git`."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name.split("/")[0] == ".git" or (path.is_dir() and not path.is_symlink()):
            continue
        is_link = path.is_symlink()
        content = os.fsencode(os.readlink(path)) if is_link else path.read_bytes()
        found[name] = (
            "link" if is_link else "file",
            0 if is_link else path.stat().st_mode,
            content,
        )
    return found


def listing(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return size, time and hash of every file, and the time of every folder."""
    return {
        str(path): (
            path.lstat().st_size,
            path.lstat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in [folder, *folder.rglob("*")]
    }


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one pushed commit."""
    root = tmp_path / "repo"
    (root / "pkg").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for name in ("train.py", "pkg/__init__.py", "staged.py", "unstaged.py", "deleted.py"):
        (root / name).write_text(f"print('{name}')\n")
    (root / "tool.sh").write_text("#!/bin/sh\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


def round_trip(repo: Path, tmp_path: Path, script: str = "train.py") -> dict[str, object]:
    snapshot = take(repo / script, workdir=repo)
    unpack(snapshot.code, snapshot.content, tmp_path / "tree", cache=tmp_path / "cache")
    return dict(facts(tmp_path / "tree"))


def change_everything(repo: Path) -> None:
    (repo / "unpushed.py").write_text("unpushed\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "unpushed")
    (repo / "staged.py").write_text("staged\n")
    git(repo, "add", "staged.py")
    (repo / "unstaged.py").write_text("unstaged\n")
    (repo / "untracked.bin").write_bytes(bytes(range(256)) * 9)
    (repo / "deleted.py").unlink()
    (repo / "tool.sh").chmod(0o755)
    (repo / "link").symlink_to("pkg/__init__.py")
    (repo / "empty").write_bytes(b"")


def test_a_snapshot_carries_staged_unstaged_untracked_binary_unpushed_deleted_modes_and_links(
    repo: Path, tmp_path: Path
) -> None:
    change_everything(repo)

    assert round_trip(repo, tmp_path) == facts(repo)


def test_the_repository_is_not_touched_at_all(repo: Path) -> None:
    change_everything(repo)
    # Content that the object store has already: git would freshen the time of that object.
    (repo / "copy.py").write_text("print('train.py')\n")
    before = listing(repo)

    take(repo / "train.py", workdir=repo)

    assert listing(repo) == before


def test_odd_names_travel(repo: Path, tmp_path: Path) -> None:
    for name in ('quo"te', "new\nline", "tab\t", "back\\slash", " space ", "é", "-dash", "a 'b"):
        (repo / name).write_text(name)
    (repo / os.fsdecode(b"\xff\xfe")).write_text("no UTF-8")

    assert round_trip(repo, tmp_path) == facts(repo)


def test_line_ends_and_filters_change_no_byte_and_run_no_program(
    repo: Path, tmp_path: Path
) -> None:
    (repo / ".gitattributes").write_text("*.txt text eol=crlf\n*.dat filter=loud\n*.py ident\n")
    git(repo, "config", "filter.loud.clean", f"touch {tmp_path / 'ran'}; cat")
    git(repo, "config", "core.autocrlf", "true")
    git(repo, "config", "core.fsmonitor", f"touch {tmp_path / 'ran'}; false")
    (repo / "mixed.txt").write_bytes(b"a\r\nb\n")
    (repo / "x.dat").write_bytes(b"data")
    (repo / "id.py").write_bytes(b"# $Id$\n")

    assert round_trip(repo, tmp_path) == facts(repo)
    assert not (tmp_path / "ran").exists()


def test_stat_caches_of_the_index_can_not_hide_a_change(repo: Path, tmp_path: Path) -> None:
    git(repo, "update-index", "--assume-unchanged", "unstaged.py")
    git(repo, "update-index", "--split-index")
    (repo / "unstaged.py").write_text("changed\n")

    assert round_trip(repo, tmp_path)["unstaged.py"] == facts(repo)["unstaged.py"]


def test_gitignored_files_stay_and_tracked_ones_travel_all_the_same(
    repo: Path, tmp_path: Path
) -> None:
    (repo / ".gitignore").write_text("*.log\nout/\nstaged.py\n")
    (repo / "a.log").write_text("log")
    (repo / "out").mkdir()
    (repo / "out" / "x").write_text("x")
    (repo / ".git" / "info" / "exclude").write_text("mine.txt\n")
    (repo / "mine.txt").write_text("mine")

    found = round_trip(repo, tmp_path)

    assert found.keys() & {"a.log", "out/x", "mine.txt"} == set()
    assert "staged.py" in found


def test_rqagentignore_leaves_out_tracked_and_untracked_files_at_any_level(
    repo: Path, tmp_path: Path
) -> None:
    (repo / ".rqagentignore").write_text("/data/\n*.bin\n!keep.bin\nstaged.py\n")
    (repo / "pkg" / ".rqagentignore").write_text("notes.md\n")
    (repo / "data" / "deep").mkdir(parents=True)
    for name in ("data/deep/x", "a.bin", "keep.bin", "notes.md", "pkg/notes.md", "pkg/a.bin"):
        (repo / name).write_text(name)

    found = round_trip(repo, tmp_path)

    gone = {"data/deep/x", "a.bin", "pkg/a.bin", "staged.py", "pkg/notes.md"}
    assert found.keys() == facts(repo).keys() - gone


def test_a_folder_that_became_a_link_travels_as_the_link(repo: Path, tmp_path: Path) -> None:
    (repo / "pkg" / "__init__.py").unlink()
    (repo / "pkg").rmdir()
    (repo / "elsewhere").mkdir()
    (repo / "elsewhere" / "__init__.py").write_text("")
    (repo / "pkg").symlink_to("elsewhere")

    assert round_trip(repo, tmp_path) == facts(repo)


def test_a_file_that_became_a_folder_travels_as_the_folder(repo: Path, tmp_path: Path) -> None:
    (repo / "staged.py").unlink()
    (repo / "staged.py").mkdir()
    (repo / "staged.py" / "x").write_text("x")

    assert round_trip(repo, tmp_path) == facts(repo)


def test_an_ignored_script_travels_and_the_summary_says_so(repo: Path, tmp_path: Path) -> None:
    (repo / ".gitignore").write_text("scratch.py\n")
    (repo / "scratch.py").write_text("1\n")

    snapshot = take(repo / "scratch.py", workdir=repo)

    assert "scratch.py" in round_trip(repo, tmp_path, "scratch.py")
    assert "scratch.py is ignored" in snapshot.summary


def test_links_that_lead_out_travel_and_are_named(repo: Path, tmp_path: Path) -> None:
    (repo / "out").symlink_to("../elsewhere")
    (repo / "pkg" / "abs").symlink_to("/etc/hostname")

    assert round_trip(repo, tmp_path) == facts(repo)
    summary = take(repo / "train.py", workdir=repo).summary
    assert "lead out of the tree: out, pkg/abs" in summary


def test_equal_trees_are_equal_blobs_whatever_the_history(repo: Path, tmp_path: Path) -> None:
    one = take(repo / "train.py", workdir=repo)
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(repo), str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "another history")
    git(other, "gc", "-q")

    two = take(other / "train.py", workdir=other)

    assert (one.code.commit, one.code.blob) == (two.code.commit, two.code.blob)
    assert hashlib.sha256(two.content).hexdigest() == two.code.blob
    assert one.code.size_bytes == len(one.content)
    assert one.file_count == 6
