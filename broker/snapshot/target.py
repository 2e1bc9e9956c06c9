"""What a person named: the script, the root of what travels with it, and in which form."""

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from ..errors import UsageError
from .git import theirs
from .imports import imports_a_sibling

MARKERS: Final = (
    "pyproject.toml",
    "uv.lock",
    "requirements.txt",
    "environment.yml",
    "poetry.lock",
    ".rqagentignore",
)
"""A folder without a repository that holds one of these is a project and travels whole."""


class Form(StrEnum):
    """What travels."""

    REPOSITORY = "repository"
    FOLDER = "folder"
    FILE = "file"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A script and the folder that it travels in."""

    form: Form
    root: Path
    script: str
    """Relative to the root, with `/`."""

    def folder_within(self, workdir: Path) -> str:
        """Return a folder relative to the root; the root itself if it lies outside."""
        here = workdir.resolve()
        return here.relative_to(self.root).as_posix() if here.is_relative_to(self.root) else "."


def locate(named: Path, *, workdir: Path) -> Target:
    """Find the root of a script.

    Raises:
        UsageError: what was named is not a script that can be read.
    """
    script = workdir / named
    _check(script, str(named))
    # Only the folder is resolved: a script that is a link keeps its own name and place.
    script = script.parent.resolve() / script.name
    form, root = _root(script, workdir.resolve())
    relative = script.relative_to(root).as_posix()
    if form is not Form.FILE and not script.resolve().is_relative_to(root):
        raise UsageError(f"{named} is a link that leaves {root}; name the file it leads to")
    return Target(form=form, root=root, script=relative)


def _root(script: Path, workdir: Path) -> tuple[Form, Path]:
    folder = script.parent
    # Looked for by hand first: a single file must travel from a machine that has no git.
    if any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        top = theirs(folder).run("rev-parse", "--show-toplevel")
        return Form.REPOSITORY, Path(os.fsdecode(top.removesuffix(b"\n")))
    if (project := _project(folder, workdir)) is not None:
        return Form.FOLDER, project
    return (Form.FOLDER if imports_a_sibling(script) else Form.FILE), folder


def _project(folder: Path, workdir: Path) -> Path | None:
    """Return the nearest folder with a marker, up to the one that the person stands in."""
    upwards = [folder, *folder.parents]
    last = upwards.index(workdir) if workdir in upwards else 0
    for candidate in upwards[: last + 1]:
        # A stray requirements.txt must not make a project of somebody's whole home.
        if candidate in (Path.home().resolve(), Path(candidate.anchor)):
            return None
        if any((candidate / marker).is_file() for marker in MARKERS):
            return candidate
    return None


def _check(script: Path, named: str) -> None:
    try:
        mode = script.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if script.is_symlink():
            raise UsageError(f"{named} is a link to a file that does not exist") from None
        raise UsageError(f"script not found: {named}") from None
    except OSError as e:
        raise UsageError(f"can't read {named}: {e.strerror}") from e
    if stat.S_ISDIR(mode):
        raise UsageError(f"{named} is a directory; name the script inside it")
    if not stat.S_ISREG(mode):
        raise UsageError(f"{named} is not a regular file")
    if not os.access(script, os.R_OK):
        raise UsageError(f"can't read {named}: permission denied")
    try:
        os.fsencode(script.name).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"the name of {named!a} is not UTF-8; rename the script") from None
