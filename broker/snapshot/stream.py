"""Files -> one git pack, through `git fast-import`: one process hashes, compresses and writes.

The bytes are read by us, as they lie on the disk. `git add` would not do: it runs the clean
filters that a repository names (LFS among them writes into the user's own store), converts line
ends, trusts stat caches that `assume-unchanged` or a copied index can make lie, and updates times
in an object store that it shares. A pack made from the files alone depends on nothing else, so
the same tree gives the same bytes wherever it lies.
"""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from ..errors import SnapshotError
from .content import read
from .files import File, names
from .git import Git
from .limits import human, too_large

_LOOK_EVERY_BYTES: Final = 16 * 1024 * 1024
_LFS_POINTER: Final = b"version https://git-lfs"
# All fixed, since the bytes of the pack are its address. Compression 3: half the time of 6, and
# 6 % larger. Packs stay packs however small; no deltas, as one tree has hardly two versions of a
# file.
_COMMAND: Final = (
    *("-c", "pack.compression=3", "-c", "fastimport.unpackLimit=0"),
    *("fast-import", "--quiet", "--depth=0"),
)
# No name and no time of anybody: equal trees are equal commits.
_HEAD: Final = (
    b"feature done\ncommit refs/heads/snapshot\nmark :1\n"
    b"committer rq-agent <rq-agent@localhost> 0 +0000\ndata 8\nsnapshot\n"
)
_TAIL: Final = b"get-mark :1\ndone\n"


def pack(
    git: Git,
    git_dir: Path,
    files: Sequence[File],
    *,
    limit_bytes: int,
    progress: Callable[[str], None],
) -> tuple[str, bytes]:
    """Return the id of the commit that holds the files, and the pack that holds the commit."""
    commit, words = b"", b""
    with git.start(*_COMMAND) as process:
        assert process.stdin is not None
        try:
            for read_bytes in _send(process.stdin, git.folder, files):
                progress(f"packing {len(files)} files, {human(read_bytes)}")
                _check_size(git_dir, files, limit_bytes)
            commit, words = process.communicate()
        except BrokenPipeError:
            words = process.stderr.read() if process.stderr else b""
            process.wait()
        finally:
            _end(process)
    if process.returncode != 0:
        raise SnapshotError(f"git fast-import failed: {words.decode('utf-8', 'replace').strip()}")
    _check_size(git_dir, files, limit_bytes)
    return commit.decode("ascii").strip(), _packs(git_dir)[0].read_bytes()


def _send(stdin: IO[bytes], root: Path, files: Sequence[File]) -> Iterator[int]:
    """Write the stream; yield the bytes read so far, now and then."""
    pointers: list[str] = []
    total = reported = 0
    stdin.write(_HEAD)
    for file in files:
        size_bytes, chunks = read(root, file)
        stdin.write(b"M %s inline %s\n" % (file.mode.encode(), _quoted(file.path)))
        stdin.write(b"data %d\n" % size_bytes)
        for position, chunk in enumerate(chunks):
            if position == 0 and chunk.startswith(_LFS_POINTER):
                pointers.append(file.path)
            stdin.write(chunk)
            total += len(chunk)
            if total - reported >= _LOOK_EVERY_BYTES:
                yield (reported := total)
        stdin.write(b"\n")
    if pointers:
        raise SnapshotError(
            f"pointers of git LFS in place of their content: {names(pointers)}; run "
            "`git lfs pull` first, or add them to .rqagentignore if the script can do without"
        )
    stdin.write(_TAIL)


def _quoted(path: str) -> bytes:
    """Return a path in C style: the only form in which any byte may stand."""
    plain = b"".join(
        b"%c" % byte if 0x20 <= byte < 0x7F and byte not in b'"\\' else b"\\%03o" % byte
        for byte in os.fsencode(path)
    )
    return b'"%s"' % plain


def _check_size(git_dir: Path, files: Sequence[File], limit_bytes: int) -> None:
    size_bytes = sum(pack.stat().st_size for pack in _packs(git_dir))
    if size_bytes > limit_bytes:
        found = f"it packs to {human(size_bytes)} or more"
        raise too_large(found, files, limit_bytes=limit_bytes)


def _packs(git_dir: Path) -> list[Path]:
    """Return the pack, finished or in the making; its index is no part of it."""
    found = (git_dir / "objects" / "pack").glob("*pack*")
    return [path for path in found if path.suffix not in (".idx", ".keep")]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.close()
