"""Unit files: written, told of, and left alone where they are not ours."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ...broker.errors import RqAgentError, UsageError
from .. import private_file
from ..render.screen import Screen
from .place import Account
from .units import MARK


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One unit file."""

    name: str
    path: Path
    text: str = ""
    is_new: bool = True
    """There was none of this name."""


def check_ours(path: Path) -> None:
    """Raise UsageError for a file that somebody else wrote."""
    if not path.read_text("utf-8", "replace").startswith(MARK):
        raise UsageError(f"{path} was not made by rq-agent install: move it away first")


def make(folder: Path, account: Account) -> None:
    """Make a folder for its account only: a unit may write to what is there when it starts."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(0o700)
            if os.geteuid() != account.uid:
                os.chown(path, account.uid, account.gid)


def write(unit: Unit) -> None:
    """Write a unit, for everybody to read."""
    try:
        private_file.write(unit.path, unit.text.encode())
        unit.path.chmod(0o644)
    except OSError as e:
        raise RqAgentError(f"can't write {unit.path}: {e.strerror or e}") from e


def show_texts(screen: Screen, units: Sequence[Unit], commands: Sequence[Sequence[str]]) -> None:
    """Print the texts of units, and tell what would start them."""
    if screen.json:
        report(screen, units, commands, runs=False)
        return
    for unit in units:
        screen.put(f"# {unit.path}\n{unit.text}")
    _say_commands(screen, commands)


def report(
    screen: Screen,
    units: Sequence[Unit],
    commands: Sequence[Sequence[str]],
    *,
    runs: bool,
    verb: str = "wrote",
) -> None:
    """Print where units are; tell the commands that are left to run."""
    if screen.json:
        shown = [{"name": u.name, "path": str(u.path), "text": u.text} for u in units]
        lines = [list(command) for command in commands]
        screen.print_json({"schema": 1, "units": shown, "commands": lines, "ran": runs})
        return
    for unit in units:
        screen.say(f"{verb}:")
        screen.put(str(unit.path))
    if not runs:
        _say_commands(screen, commands)


def _say_commands(screen: Screen, commands: Sequence[Sequence[str]]) -> None:
    screen.say("to run:")
    for command in commands:
        screen.say(f"  {' '.join(command)}")
