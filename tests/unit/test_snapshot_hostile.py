"""Packs that no snapshot of ours would be: a worker writes nothing of them."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rq_agent.broker.definition import Code
from rq_agent.broker.errors import SnapshotError
from rq_agent.broker.snapshot import store
from rq_agent.broker.snapshot.unpack import unpack


def left_behind(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


class Forge:
    """Makes packs that no snapshot of ours would be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._git("init", "-q", "--bare")

    def _git(self, *arguments: str, stdin: bytes = b"") -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", *identity, *arguments]
        return self._bytes(command, stdin).decode().strip()

    def _bytes(self, command: list[str], stdin: bytes) -> bytes:
        return subprocess.run(
            command, cwd=self._folder, input=stdin, check=True, capture_output=True
        ).stdout

    def blob(self, content: bytes) -> str:
        return self._git("hash-object", "-w", "--stdin", stdin=content)

    def tree(self, entries: Sequence[tuple[bytes, bytes, str]]) -> str:
        """Write a tree as it is given: mode, name, id; nothing is sorted or checked."""
        raw = b"".join(b"%s %s\0" % entry[:2] + bytes.fromhex(entry[2]) for entry in entries)
        return self._git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)

    def pack(self, tree: str) -> tuple[Code, bytes]:
        commit = self._git("commit-tree", tree, "-m", "x")
        command = ["git", "pack-objects", "--revs", "--stdout", "-q"]
        return described(self._bytes(command, f"{commit}\n".encode()), commit)


def described(content: bytes, commit: str) -> tuple[Code, bytes]:
    blob = hashlib.sha256(content).hexdigest()
    return Code(form="pack", blob=blob, size_bytes=len(content), commit=commit), content


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path / "forge")


@pytest.mark.parametrize("name", [b"..", b".", b".git", b".GIT", b"a/b", b"/etc", b"../../x"])
def test_paths_that_leave_the_tree_are_refused(forge: Forge, tmp_path: Path, name: bytes) -> None:
    file = forge.blob(b"evil")
    inner = forge.tree([(b"100644", b"x", file)])
    for entry in ((b"100644", name, file), (b"40000", name, inner)):
        code, content = forge.pack(forge.tree([entry]))
        before = sorted(tmp_path.iterdir())

        with pytest.raises(SnapshotError):
            unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")

        assert left_behind(tmp_path / "cache") == []
        assert not any((tmp_path / "tree").iterdir())
        (tmp_path / "tree").rmdir()
        (tmp_path / "cache").rmdir()
        assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_written_through_a_link(forge: Forge, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = forge.blob(str(outside).encode())
    inner = forge.tree([(b"100644", b"x", forge.blob(b"evil"))])
    code, content = forge.pack(forge.tree([(b"120000", b"a", link), (b"40000", b"a", inner)]))

    with pytest.raises(SnapshotError):
        unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")

    assert list(outside.iterdir()) == []


def test_a_submodule_in_a_pack_is_refused(forge: Forge, tmp_path: Path) -> None:
    code, content = forge.pack(forge.tree([(b"160000", b"lib", "1" * 40)]))

    with pytest.raises(SnapshotError, match="holds a submodule"):
        unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")


@pytest.mark.parametrize("leaf", ["file", "nothing"])
def test_a_small_pack_that_names_a_huge_tree_is_refused(
    forge: Forge, tmp_path: Path, leaf: str
) -> None:
    entries = [(b"100644", b"x", forge.blob(b""))] if leaf == "file" else []
    tree = forge.tree(entries)
    for _ in range(12):
        tree = forge.tree([(b"40000", b"%02d" % number, tree) for number in range(10)])
    code, content = forge.pack(tree)

    with pytest.raises(SnapshotError, match="unpacks to more than"):
        unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a process are set from outside")
def test_an_object_that_inflates_without_end_is_cut_off(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_MEMORY_BYTES", 40 * 1024**2)
    code, content = forge.pack(forge.tree([(b"100644", b"x" * 48 * 1024**2, forge.blob(b""))]))

    with pytest.raises(SnapshotError, match="git index-pack"):
        unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")

    assert len(content) < 1024**2


def test_a_pack_that_unpacks_to_too_many_bytes_is_refused(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "UNPACKED_LIMIT_BYTES", 10_000)
    same = forge.blob(bytes(1000))
    code, content = forge.pack(forge.tree([(b"100644", b"%02d" % n, same) for n in range(11)]))

    with pytest.raises(SnapshotError, match=r"more than .* 9\.8 KiB"):
        unpack(code, content, tmp_path / "tree", cache=tmp_path / "cache")
