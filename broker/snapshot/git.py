"""Calls of git: no shell, no prompt, no hooks, nothing inherited from a caller's GIT_* variables.

Two kinds of call. `theirs` reads the user's repository with the user's own settings (their
ignore rules count) and only ever runs commands that read. `ours` works in a git folder that we
made ourselves, sees no configuration of anybody, and applies no filter or line-end conversion.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from ..errors import SnapshotError

_SAFE: Final = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.allow=never")
_OURS: Final = (
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.fsync=none",
    # Larger blobs are streamed, not held in memory.
    "core.bigFileThreshold=8m",
)
_ALONE: Final = (
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", os.devnull),
    ("GIT_ATTR_NOSYSTEM", "1"),
)
_EXACT_BYTES: Final = "* -text -ident -filter !eol !working-tree-encoding\n"
"""Outranks every .gitattributes of a tree: what goes in comes out, and no filter is looked up."""


class Git(msgspec.Struct, frozen=True, kw_only=True):
    """Where git is called and with which settings."""

    program: str
    folder: Path
    variables: tuple[tuple[str, str], ...] = ()
    settings: tuple[str, ...] = _SAFE

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start git with three pipes."""
        return subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ask(self, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
        """Run git; return its exit status, stdout and stderr."""
        done = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self._environment(),
            input=stdin,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip()

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git and return its stdout; SnapshotError with git's own words if it fails."""
        status, output, words = self.ask(*arguments, stdin=stdin)
        if status != 0:
            raise SnapshotError(f"git {arguments[0]} failed in {self.folder}: {words or status}")
        return output

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        settings = [part for setting in self.settings for part in ("-c", setting)]
        return [self.program, *settings, *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        fixed = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        return inherited | fixed | dict(self.variables)


def theirs(folder: Path) -> Git:
    """Return the git that reads the user's repository around a folder."""
    return Git(program=_program(), folder=folder)


def ours(git_dir: Path, *, work_tree: Path) -> Git:
    """Return the git that works in a git folder of our own, on files of any folder."""
    place = (("GIT_DIR", str(git_dir)), ("GIT_WORK_TREE", str(work_tree)))
    return Git(
        program=_program(), folder=work_tree, variables=place + _ALONE, settings=_SAFE + _OURS
    )


def create(git_dir: Path, *, object_format: str = "sha1") -> None:
    """Make an empty bare repository in a folder that exists."""
    made = Git(program=_program(), folder=git_dir, variables=_ALONE)
    made.run("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}")
    (git_dir / "info").mkdir(exist_ok=True)
    (git_dir / "info" / "attributes").write_text(_EXACT_BYTES, "ascii")


def object_format(git: Git) -> str:
    """Return the hash that a repository names its objects by: `sha1` or `sha256`."""
    return git.run("rev-parse", "--show-object-format").decode("ascii").strip()


def _program() -> str:
    program = shutil.which("git")
    if program is None:
        raise SnapshotError("git is not on the PATH; code that is more than one file needs it")
    return program
