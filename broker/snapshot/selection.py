"""Decide which files of a root travel with a script."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from . import listing
from .files import File, links_outside, look, names, refuse_repositories
from .git import Git
from .limits import check_files
from .target import Form, Target


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The files that travel."""

    files: tuple[File, ...]
    workdir: str
    """Where the task starts: the caller's folder if anything of it travels, else the root."""
    left_out: frozenset[str]
    """Paths that .rqagentignore names."""
    notes: tuple[str, ...]
    """What a person may not expect."""


def select(
    target: Target,
    scratch: Git,
    git_dir: Path,
    *,
    workdir: str,
    limit_bytes: int,
    progress: Callable[[str], None],
) -> Selection:
    """List, look, leave out, refuse: in this order, so that what is left out harms nothing.

    Raises:
        SnapshotError: files that can't travel, or too much of them.
    """
    progress(f"listing the files in {target.root}")
    in_repository = target.form is Form.REPOSITORY
    listed, warnings = (
        listing.in_repository(target.root) if in_repository else listing.in_folder(scratch, git_dir)
    )
    present = look(listed, target.root)
    left_out = listing.ignored(present, scratch, target.root)
    files = [file for file in present if file.path not in left_out]
    notes = _notes(files, target.root, warnings)
    if all(file.path != target.script for file in files):
        # A person who names an ignored script wants it to run.
        files = sorted([*files, *look([target.script], target.root)], key=lambda file: file.path)
        notes.append(f"{target.script} is ignored by git's rules and travels all the same")
    if workdir != "." and not any(file.path.startswith(f"{workdir}/") for file in files):
        notes.append(f"nothing of {workdir} travels, so the task starts in the root")
        workdir = "."
    refuse_repositories(files, target.root, in_repository)
    check_files(files, limit_bytes=limit_bytes)
    return Selection(
        files=tuple(files), workdir=workdir, left_out=frozenset(left_out), notes=tuple(notes)
    )


def _notes(files: list[File], root: Path, warnings: str) -> list[str]:
    notes = [f"git says: {line}" for line in warnings.splitlines()]
    if outside := links_outside(files, root):
        notes.append(f"links that lead out of the tree: {names(outside)}")
    return notes
