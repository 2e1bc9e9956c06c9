"""Which paths travel: what git tracks or would add, less what .rqagentignore names.

The matching is git's own in every case.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .files import File
from .git import Git, theirs

IGNORE_FILE: Final = ".rqagentignore"

FOLDER_DEFAULTS: Final = (
    ".venv",
    "venv",
    "__pycache__",
    "*.pyc",
    "node_modules",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    ".DS_Store",
)
"""Stays behind in a folder without a repository, which seldom has a .gitignore."""


def in_repository(root: Path) -> tuple[list[str], str]:
    """Return tracked and untracked paths (deleted ones too), and git's warnings.

    A nested repository shows as one path that ends in `/`.
    """
    return _list(theirs(root), "--cached", "--others", "--exclude-standard")


def in_folder(scratch: Git, git_dir: Path) -> tuple[list[str], str]:
    """Return the paths of a folder without a repository, and git's warnings."""
    patterns = "".join(f"{pattern}\n" for pattern in FOLDER_DEFAULTS)
    (git_dir / "info" / "exclude").write_text(patterns, "ascii")
    return _list(scratch, "--others", "--exclude-standard")


def ignored(files: Iterable[File], scratch: Git, root: Path) -> set[str]:
    """Return the paths among some files that a .rqagentignore of any folder names."""
    files = list(files)
    present = any(os.path.basename(file.path) == IGNORE_FILE for file in files)
    if not present and not (root / IGNORE_FILE).is_file():
        return set()
    # An index of names alone (the object id is made up): git matches it without a walk.
    entries = b"".join(
        b"%s %s 0\t%s\0" % (file.mode.encode(), b"1" * 40, os.fsencode(file.path)) for file in files
    )
    scratch.run("update-index", "-z", "--index-info", stdin=entries)
    paths, _ = _list(scratch, "--cached", "--ignored", f"--exclude-per-directory={IGNORE_FILE}")
    return set(paths)


def _list(git: Git, *options: str) -> tuple[list[str], str]:
    status, output, words = git.ask("ls-files", "-z", *options)
    if status != 0:
        git.run("ls-files", "-z", *options)  # raises with git's own words
    return sorted({os.fsdecode(path) for path in output.split(b"\0") if path}), words
