"""Put a snapshot on the disk of a worker. Its content may be hostile."""

import hashlib
import os
from pathlib import Path

from ..definition import Code
from ..errors import SnapshotError
from . import git
from .store import stored


def unpack(code: Code, content: bytes | None, tree: Path, *, cache: Path) -> None:
    """Write the files of a snapshot into a folder that is absent or empty.

    Args:
        content: the blob that `code` names; None when `is_stored` said that it is not needed.
        cache: packs are kept here, indexed, by their digest; several workers may share it.

    Raises:
        SnapshotError: the content is not what `code` says, is malformed, or is too large.
    """
    if content is not None or code.form == "file":
        _check(code, content or b"")
    tree.mkdir(parents=True, exist_ok=True)
    if any(tree.iterdir()):
        raise SnapshotError(f"can't unpack into {tree}: the folder is not empty")
    if code.form == "file":
        _write_file(code, content or b"", tree)
    else:
        repository = stored(code, content, cache)
        # -a from the index that was made and checked when the pack was stored: one short process
        # that only reads the repository, so any number may run at once.
        git.ours(repository, work_tree=tree).run("checkout-index", "--all", "--quiet")


def _check(code: Code, content: bytes) -> None:
    if len(content) != code.size_bytes or hashlib.sha256(content).hexdigest() != code.blob:
        raise SnapshotError(f"the content of snapshot {code.blob[:12]} is damaged or cut off")


def _write_file(code: Code, content: bytes, tree: Path) -> None:
    name = code.file_name
    if name in ("", ".", "..", ".git") or os.path.basename(name) != name or "\0" in name:
        raise SnapshotError(f"{name!r} is not a plain file name")
    (tree / name).write_bytes(content)
