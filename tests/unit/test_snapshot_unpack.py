"""A worker writes exactly what was packed, from damaged or hostile content nothing."""

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from rq_agent.broker.definition import Code
from rq_agent.broker.errors import SnapshotError
from rq_agent.broker.snapshot.take import Snapshot, take
from rq_agent.broker.snapshot.unpack import unpack


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """A packed folder."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "x.py").write_text("print(1)\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("/etc/hostname")
    (folder / ".gitattributes").write_text("*.py eol=crlf\n")
    return take(folder / "x.py", workdir=folder)


def described(content: bytes, commit: str) -> tuple[Code, bytes]:
    blob = hashlib.sha256(content).hexdigest()
    return Code(form="pack", blob=blob, size_bytes=len(content), commit=commit), content


def left_behind(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_bytes_modes_and_links_come_back(snapshot: Snapshot, tmp_path: Path) -> None:
    unpack(snapshot.code, snapshot.content, tmp_path / "a" / "tree", cache=tmp_path / "cache")

    tree = tmp_path / "a" / "tree"
    assert (tree / "x.py").read_bytes() == b"print(1)\n"
    assert stat.S_IMODE((tree / "run.sh").stat().st_mode) & 0o111
    assert not stat.S_IMODE((tree / "x.py").stat().st_mode) & 0o111
    assert os.readlink(tree / "link") == "/etc/hostname"
    assert not (tree / ".git").exists()


def test_a_second_unpack_finds_the_pack_in_the_cache(snapshot: Snapshot, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    unpack(snapshot.code, snapshot.content, tmp_path / "one", cache=cache)
    repository = cache / left_behind(cache)[0]
    os.utime(repository, (0, 0))
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}

    unpack(snapshot.code, snapshot.content, tmp_path / "two", cache=cache)

    assert (tmp_path / "two" / "x.py").read_bytes() == b"print(1)\n"
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before
    assert repository.stat().st_mtime > 0


def test_many_unpackers_at_once_of_one_snapshot_all_succeed(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"

    def one(number: int) -> bytes:
        tree = tmp_path / f"tree{number}"
        unpack(snapshot.code, snapshot.content, tree, cache=cache)
        return (tree / "x.py").read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(16))) == {b"print(1)\n"}

    assert left_behind(cache) == [f"{snapshot.code.blob}-{snapshot.code.commit}"]


@pytest.mark.parametrize("cut", [1, 200])
def test_content_that_is_cut_off_is_refused_and_not_kept(
    snapshot: Snapshot, tmp_path: Path, cut: int
) -> None:
    content = snapshot.content[:-cut]

    with pytest.raises(SnapshotError, match="damaged or cut off"):
        unpack(snapshot.code, content, tmp_path / "tree", cache=tmp_path / "cache")

    assert left_behind(tmp_path / "cache") == []


@pytest.mark.parametrize("form", ["pack", "file"])
def test_content_that_was_altered_is_refused_and_not_kept(
    snapshot: Snapshot, tmp_path: Path, form: Literal["pack", "file"]
) -> None:
    code = msgspec.structs.replace(snapshot.code, form=form, file_name="x.py")
    content = snapshot.content[:-1] + bytes([snapshot.content[-1] ^ 1])

    with pytest.raises(SnapshotError, match="damaged or cut off"):
        unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")

    assert left_behind(tmp_path / "cache") == []
    assert not (tmp_path / "tree").exists()


def test_a_pack_that_is_broken_inside_is_refused_and_not_kept(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    code, content = described(snapshot.content[:-25], snapshot.code.commit)

    with pytest.raises(SnapshotError, match="is malformed: git index-pack: fatal"):
        unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")

    assert left_behind(tmp_path / "cache") == []


def test_a_pack_without_the_commit_named_is_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    code = msgspec.structs.replace(snapshot.code, commit="1" * 40)

    with pytest.raises(SnapshotError, match=f"does not hold commit {'1' * 40}"):
        unpack(code, snapshot.content, tmp_path / "tree", cache=tmp_path / "cache")

    assert left_behind(tmp_path / "cache") == []


@pytest.mark.parametrize("commit", ["", "HEAD", "--output=/tmp/x", "1" * 41])
def test_a_commit_that_is_no_id_is_refused(snapshot: Snapshot, tmp_path: Path, commit: str) -> None:
    code = msgspec.structs.replace(snapshot.code, commit=commit)

    with pytest.raises(SnapshotError, match="is not the id of a commit"):
        unpack(code, snapshot.content, tmp_path / "tree", cache=tmp_path / "cache")


def test_a_folder_that_holds_something_is_left_alone(snapshot: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="is not empty"):
        unpack(snapshot.code, snapshot.content, tmp_path, cache=tmp_path / "cache")


@pytest.mark.parametrize("name", ["", ".", "..", "../x.py", "/tmp/x.py", "a/b", ".git", "a\0b"])
def test_a_single_file_has_a_plain_name(tmp_path: Path, name: str) -> None:
    blob = hashlib.sha256(b"1").hexdigest()
    code = Code(form="file", blob=blob, size_bytes=1, file_name=name)

    with pytest.raises(SnapshotError, match="is not a plain file name"):
        unpack(code, b"1", tmp_path / "tree", cache=tmp_path / "cache")

    assert list((tmp_path / "tree").iterdir()) == []


def test_settings_and_hooks_of_the_worker_s_user_are_not_obeyed(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".gitconfig").write_text(f"[core]\nautocrlf = true\nfsmonitor = touch {home}/ran\n")
    (home / ".config" / "git" / "attributes").write_text("* eol=crlf\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))

    unpack(snapshot.code, snapshot.content, tmp_path / "tree", cache=tmp_path / "cache")

    assert (tmp_path / "tree" / "x.py").read_bytes() == b"print(1)\n"
    assert not (home / "ran").exists()
