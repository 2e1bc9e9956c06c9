"""What lies in a snapshot, file by file, without writing it anywhere. Its content may be hostile."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..definition import Code
from ..errors import SnapshotError
from . import git
from .store import stored


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """Which files differ between two snapshots, sorted."""

    added: tuple[str, ...] = ()
    """Only in the second one."""
    removed: tuple[str, ...] = ()
    """Only in the first one."""
    changed: tuple[str, ...] = ()


class Contents:
    """The files of one snapshot."""

    def __init__(self, code: Code, content: bytes, *, cache: Path) -> None:
        """Args.

        code: names the blob and what it is.
        content: the blob.
        cache: packs are kept here, indexed; workers may share it.

        Raises:
            SnapshotError: the content is not what `code` says, is malformed, or is too large.
        """
        if hashlib.sha256(content).hexdigest() != code.blob:
            raise SnapshotError(f"the content of snapshot {code.blob[:12]} is damaged or cut off")
        self.form = code.form
        self._content = content
        self._repository: git.Git | None = None
        self.files: Mapping[str, str] = {code.file_name: code.blob}
        """Path -> what is equal for equal files of snapshots of one form."""
        if code.form == "file":
            return
        folder = stored(code, content, cache)
        self._repository = git.ours(folder, work_tree=folder)
        listed = self._repository.run("ls-tree", "-r", "-z", code.commit)
        self.files = dict(_entry(line) for line in listed.split(b"\0") if line)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file of `files`."""
        if self._repository is None:
            return self._content
        return self._repository.run("cat-file", "blob", self.files[path].rpartition(" ")[2])


def changed(first: Contents, second: Contents) -> Changed:
    """Return which files differ."""
    before, after = first.files, second.files
    both = before.keys() & after.keys()

    def differs(path: str) -> bool:
        if first.form == second.form:
            return before[path] != after[path]
        return first.read(path) != second.read(path)

    return Changed(
        added=tuple(sorted(after.keys() - both)),
        removed=tuple(sorted(before.keys() - both)),
        changed=tuple(sorted(filter(differs, both))),
    )


def _entry(line: bytes) -> tuple[str, str]:
    """Return path, and mode and id, of a line of `ls-tree`: mode, type, id, tab, path."""
    told, _, path = line.partition(b"\t")
    mode, _, name = told.decode("ascii").split()
    return path.decode("utf-8", "backslashreplace"), f"{mode} {name}"
