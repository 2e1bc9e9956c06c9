"""Starts the server as a process that outlives us."""

import os
import signal
from pathlib import Path
from typing import Final

_started: Final[set[int]] = set()
"""Servers that this process started: it is the one that must reap them."""
_SIGNALS: Final = (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)


def spawn(program: Path, config: Path, log: Path, lock_descriptor: int) -> int:
    """Start a server in a session of its own. Return its pid.

    The server inherits lock_descriptor and so holds its lock until it ends, however it ends.
    It sees nothing of our environment: it would carry secrets for weeks.
    """
    inherited = 3 if lock_descriptor != 3 else 4  # a copy to another number is never CLOEXEC
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    mask = os.umask(0o077)  # of the process: there is no other way to hand one to the server
    try:
        pid = os.posix_spawn(
            program,
            [str(program), str(config)],
            {name: os.environ[name] for name in ("PATH", "TZ", "TMPDIR") if name in os.environ},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, lock_descriptor, inherited),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_SIGNALS,
        )
    finally:
        os.umask(mask)
    _started.add(pid)
    return pid


def reap() -> None:
    """Collect the servers of this process that have ended, so that no zombie stays."""
    for pid in list(_started):
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # we are a fork of the process that started it
            ended = pid
        if ended:
            _started.discard(pid)
