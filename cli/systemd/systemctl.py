"""Calls of systemctl."""

import shutil
import subprocess
from collections.abc import Sequence
from typing import Final

from ...broker.errors import RqAgentError
from .units import Scope

_LIMIT_S: Final = 180
"""A worker that drains may take its time to stop."""


def line(scope: Scope, *words: str) -> tuple[str, ...]:
    """Return a command."""
    return ("systemctl", *(("--user",) if scope == "user" else ()), *words)


def works(scope: Scope) -> bool:
    """Return whether there is a systemd of this scope that answers."""
    if shutil.which("systemctl") is None:
        return False
    asked = line(scope, "show", "--property=Version")
    return subprocess.run(asked, capture_output=True, timeout=_LIMIT_S, check=False).returncode == 0


def run(commands: Sequence[Sequence[str]]) -> None:
    """Run commands, one after the other.

    Raises:
        RqAgentError: one fails; shows what it says.
    """
    for command in commands:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise RqAgentError(f"{' '.join(command)}: {said or f'exit code {done.returncode}'}")
