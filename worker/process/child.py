"""Starts the user's program as a child of the shim."""

import errno
import os
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

from . import prctl


class NotStarted(Exception):
    """The program can't be executed; the text is for the user."""


def start(argv: Sequence[str], env: Mapping[str, str], cwd: str, umask: int) -> int:
    """Execute a program whose output goes to the files `out` and `err` here; return its pid.

    Raises:
        NotStarted: the folder, the program or its arguments are not acceptable to the system.
    """
    report, report_end = os.pipe()  # exec closes the end, and so tells that it worked
    parent = os.getpid()
    blocked = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    pid = os.fork()
    if pid == 0:
        _become(argv, env, cwd, umask, parent, report_end)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    os.close(report_end)
    with os.fdopen(report, "rb") as f:
        problem = f.read().decode("utf-8", "replace")
    if problem:
        os.waitpid(pid, 0)
        raise NotStarted(problem)
    return pid


def _become(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    umask: int,
    parent: int,
    report: int,
) -> NoReturn:
    problem = ""
    try:
        os.setpgid(0, 0)
        _redirect()
        prctl.die_with_parent()
        if os.getppid() != parent:
            os._exit(127)  # the shim died before the kernel knew what to do then
        os.umask(umask)
        _reset_signals()
        problem = f"can't enter the folder {cwd!r}"
        os.chdir(cwd)
        problem = f"can't execute {argv[0]!r}"
        os.execvpe(argv[0], list(argv), dict(env))
    except (OSError, ValueError, TypeError) as e:
        os.write(report, f"{problem or 'not started'}: {_reason(e)}".encode("utf-8", "replace"))
    finally:
        os._exit(127)


def _redirect() -> None:
    for name, target in (("out", 1), ("err", 2)):
        fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.dup2(fd, target)  # inheritable, unlike fd itself


def _reset_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _reason(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.errno == errno.E2BIG:
        return "its arguments and environment together are too long for this system"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return str(problem)
