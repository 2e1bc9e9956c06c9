"""Processes that outlive who started them: begun, watched, told to end; never a wrong one."""

import os
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from ...worker.process import identity
from ...worker.process.handle import Handle
from ...worker.process.wait import gone


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process, told apart from a later one with the same pid."""

    pid: int
    started_ticks: int
    boot_id: str


def start(arguments: Sequence[str], log: Path, environ: Mapping[str, str]) -> Process:
    """Start rq-agent in a session of its own, its output at the end of a log.

    Raises:
        OSError: it can't be started, or its log can't be opened.
    """
    # -P: the folder that we stand in must not provide modules of ours.
    argv = [sys.executable, "-P", "-m", "rq_agent.cli", *arguments]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        sys.executable,
        argv,
        environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1),
    )
    ticks = identity.started_ticks(pid) or 0
    return Process(pid=pid, started_ticks=ticks, boot_id=identity.boot_id())


def own() -> Process:
    """Return this process."""
    ticks = identity.started_ticks(os.getpid()) or 0
    return Process(pid=os.getpid(), started_ticks=ticks, boot_id=identity.boot_id())


def is_alive(process: Process | None) -> bool:
    """Return whether it still runs."""
    if process is None or process.boot_id != identity.boot_id():
        return False
    return identity.started_ticks(process.pid) == process.started_ticks


async def until_gone(process: Process) -> None:
    """Return when it has ended, whoever started it."""
    ticks, boot_id = process.started_ticks, process.boot_id
    await gone(Handle(pid=process.pid, started_ticks=ticks, boot_id=boot_id, folder=""))


def tell(process: Process, number: signal.Signals) -> bool:
    """Send it a signal. Return False if it is gone."""
    if not is_alive(process):
        return False
    with suppress(ProcessLookupError):
        os.kill(process.pid, number)
        return True
    return False


def reap(process: Process) -> int | None:
    """Collect a process that has ended. Return its exit code (negative: the signal that ended it).

    None if that is not known: it lives, or another process started it.
    """
    try:
        ended, status = os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if ended else None


def in_words(code: int | None) -> str:
    """Return how a process ended. Pure."""
    if code is None:
        return "ended"
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def reap_strays(own: Collection[int]) -> None:
    """Collect ended processes that fell to us as the first process of a container.

    Args:
        own: pids that somebody else here waits for.
    """
    import psutil

    for child in psutil.Process().children():
        if child.pid not in own and child.status() == psutil.STATUS_ZOMBIE:
            os.waitpid(child.pid, os.WNOHANG)
