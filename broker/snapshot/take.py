"""Pack a script with everything that it needs to run elsewhere. The user's files are only read."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from ..definition import Code, Entry
from . import git
from .content import read
from .files import look
from .limits import PACK_LIMIT_BYTES, human, too_large
from .origin import Origin, describe
from .selection import Selection, select
from .stream import pack
from .target import Form, Target, locate


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Code that is ready to travel."""

    code: Code
    content: bytes
    """The blob that `code` names."""
    entry: Entry
    root: Path
    """The folder on this machine that `entry` is relative to."""
    file_count: int
    summary: str
    """One line for people: what travels, and what they may not expect about it."""


def take(
    target: Path,
    *,
    workdir: Path,
    limit_bytes: int = PACK_LIMIT_BYTES,
    progress: Callable[[str], None] = lambda text: None,
) -> Snapshot:
    """Pack the repository or folder around a script, or the script alone.

    Args:
        target: the script, relative to `workdir` or absolute.
        workdir: the caller's folder; the task starts there too if the folder travels.
        limit_bytes: of the pack; the files may hold sixteen times as much.
        progress: is told what goes on.

    Raises:
        UsageError: the target is no script that can be read.
        SnapshotError: the code can't travel; the message says why and what to do.
    """
    found = locate(target, workdir=workdir)
    if found.form is Form.FILE:
        return _file(found, limit_bytes)
    with tempfile.TemporaryDirectory(prefix="rq-agent-", ignore_cleanup_errors=True) as folder:
        return _tree(found, Path(folder), workdir, limit_bytes, progress)


def _file(target: Target, limit_bytes: int) -> Snapshot:
    # A script that is a link travels as what it leads to: nothing else comes along.
    script = (target.root / target.script).resolve()
    files = look([script.name], script.parent)
    _, chunks = read(script.parent, files[0])
    content = b"".join(chunks)
    if len(content) > limit_bytes:
        raise too_large(f"it holds {human(len(content))}", files, limit_bytes=limit_bytes)
    return Snapshot(
        code=Code(
            form="file",
            blob=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            file_name=target.script,
        ),
        content=content,
        entry=Entry(script=target.script),
        root=target.root,
        file_count=1,
        summary=f"{target.script} alone, {human(len(content))}",
    )


def _tree(
    target: Target,
    git_dir: Path,
    workdir: Path,
    limit_bytes: int,
    progress: Callable[[str], None],
) -> Snapshot:
    in_repository = target.form is Form.REPOSITORY
    theirs = git.theirs(target.root)
    git.create(git_dir, object_format=git.object_format(theirs) if in_repository else "sha1")
    scratch = git.ours(git_dir, work_tree=target.root)
    chosen = select(
        target,
        scratch,
        git_dir,
        workdir=target.folder_within(workdir),
        limit_bytes=limit_bytes,
        progress=progress,
    )
    progress(f"packing {len(chosen.files)} files")
    commit, content = pack(
        scratch, git_dir, chosen.files, limit_bytes=limit_bytes, progress=progress
    )
    tree = scratch.run("ls-tree", "-r", "-z", commit) if in_repository else b""
    came_from = describe(theirs, tree, left_out=chosen.left_out) if in_repository else Origin()
    return Snapshot(
        code=_code(commit, content, came_from),
        content=content,
        entry=Entry(script=target.script, workdir=chosen.workdir),
        root=target.root,
        file_count=len(chosen.files),
        summary=_summary(target, chosen, len(content), came_from),
    )


def _code(commit: str, content: bytes, came_from: Origin) -> Code:
    return Code(
        form="pack",
        blob=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        commit=commit,
        origin_commit=came_from.commit,
        origin_branch=came_from.branch,
        origin_url=came_from.url,
        dirty=came_from.dirty,
    )


def _summary(target: Target, chosen: Selection, size_bytes: int, came_from: Origin) -> str:
    count = len(chosen.files)
    what = f"{count} file{'' if count == 1 else 's'} of {target.root}, {human(size_bytes)}"
    if came_from.commit:
        at = f"{came_from.branch or 'detached'} {came_from.commit[:9]}"
        what += f", {at}{' with changes' if came_from.dirty else ''}"
    return "; ".join((what, *chosen.notes))
