"""Packs on a worker's disk: checked and indexed once, then read by any number of unpackers.

`<cache>/<sha256 of the pack>-<commit>/` is a bare git repository with an index file of the whole tree.
"""

import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..definition import Code
from ..errors import SnapshotError
from . import git
from .git import Git
from .limits import MAX_FILES, UNPACKED_LIMIT_BYTES, human

_MAX_OBJECTS: Final = 3 * MAX_FILES
"""Every file may have a folder of its own below another."""
_MEMORY_BYTES: Final = 4 * 1024**3
_CPU_S: Final = 300
_READ_BYTES: Final = 64 * 1024
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def is_stored(code: Code, cache: Path) -> bool:
    """Return whether this machine has the pack: then its content need not be fetched."""
    return code.form == "pack" and _place(code, cache).is_dir()


def stored(code: Code, content: bytes | None, cache: Path) -> Path:
    """Return the repository of a pack; make it if this machine has none yet.

    Args:
        content: None when `is_stored` said that it is not needed.

    Raises:
        SnapshotError: the pack is malformed, holds another commit, or is too large.
    """
    final = _place(code, cache)
    if not final.is_dir():
        if content is None:
            raise SnapshotError(f"snapshot {code.blob[:12]} was just evicted: try again")
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=cache))
        try:
            _make(made, code, content)
            _publish(made, final)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    os.utime(final)  # least recently used packs are evicted first
    return final


def signed_bytes(code: Code, cache: Path, tree: Path) -> bytes | None:
    """Return the content of a blob from this machine's disk; None where it is not there unaltered.

    `tree` is a folder that it was unpacked into.
    """
    if code.form == "file":
        found = [tree / code.file_name]
    else:
        found = list((_place(code, cache) / "objects" / "pack").glob("*.pack"))
    for path in found:
        try:
            with path.open("rb") as file:
                content = file.read(code.size_bytes + 1)
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() == code.blob:
            return content
    return None


def _place(code: Code, cache: Path) -> Path:
    if _COMMIT.fullmatch(code.commit) is None:
        raise SnapshotError(f"{code.commit[:80]!r} is not the id of a commit")
    # The commit is part of the name: a definition that lies about it must not find the pack of
    # one that does not.
    return cache / f"{code.blob}-{code.commit}"


def _make(folder: Path, code: Code, content: bytes) -> None:
    object_count = int.from_bytes(content[8:12], "big")
    if content[:4] != b"PACK" or object_count > _MAX_OBJECTS:
        raise SnapshotError(
            f"snapshot {code.blob[:12]} is no pack of at most {_MAX_OBJECTS} objects"
        )
    git.create(folder, object_format="sha1" if len(code.commit) == 40 else "sha256")
    repository = git.ours(folder, work_tree=folder)
    _index(repository, code, content)
    _check_tree(repository, code)
    repository.run("read-tree", code.commit)


def _index(repository: Git, code: Code, content: bytes) -> None:
    # --strict: every object is well-formed and linked, no path leaves the tree or enters .git
    with repository.start("index-pack", "--strict", "--stdin", "--threads=1") as process:
        try:
            if sys.platform == "linux":  # a few bytes can inflate to anything
                resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
                resource.prlimit(process.pid, resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
            _, words = process.communicate(content)
        finally:
            process.kill()
    if process.returncode != 0:
        found = words.decode("utf-8", "replace").strip() or f"ended with {process.returncode}"
        raise SnapshotError(f"snapshot {code.blob[:12]} is malformed: git index-pack: {found}")


def _publish(made: Path, final: Path) -> None:
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():  # else another unpacker was faster
            raise


def _check_tree(repository: Git, code: Code) -> None:
    """Add up the files of a tree, and stop at the limits: a small pack can name a huge tree."""
    count = size_bytes = 0
    # -t shows folders too: a tree of nothing but folders must end as well.
    with repository.start("ls-tree", "-r", "-t", "-l", "-z", code.commit) as process:
        try:
            for entry in _entries(process):
                count += 1
                size_bytes += _size_bytes(entry)
                if count > _MAX_OBJECTS or size_bytes > UNPACKED_LIMIT_BYTES:
                    raise SnapshotError(
                        f"snapshot {code.blob[:12]} unpacks to more than {_MAX_OBJECTS} files "
                        f"or {human(UNPACKED_LIMIT_BYTES)}"
                    )
            process.wait()
        finally:
            process.kill()
    if process.returncode != 0:
        raise SnapshotError(f"snapshot {code.blob[:12]} does not hold commit {code.commit}")


def _entries(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    assert process.stdout is not None
    rest = b""
    while chunk := process.stdout.read1(_READ_BYTES):  # type: ignore[attr-defined]
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole


def _size_bytes(entry: bytes) -> int:
    """Return the size in a line of `ls-tree -l`: mode, type, id, size, tab, path."""
    _, kind, _, size = entry.partition(b"\t")[0].split()
    if kind == b"commit":
        raise SnapshotError("the snapshot holds a submodule, which no snapshot of ours does")
    return int(size) if kind == b"blob" else 0
