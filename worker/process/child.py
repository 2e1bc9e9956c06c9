"""Starts the user's program as a child of the shim."""

import errno
import os
import warnings  # noqa: F401  os.execvpe imports it, and by then nothing can be imported
from collections.abc import Mapping, Sequence

from . import clone, prctl, signals

TYPE_CHECKING = False  # each module that the launcher loads makes its forks slower
if TYPE_CHECKING:
    from typing import NoReturn


class NotInGroup(Exception):
    """Nothing was started: this system forks into no control group."""


class NotStarted(Exception):
    """The program can't be executed; the text is for the user."""


def start(
    argv: Sequence[str], env: Mapping[str, str], cwd: str, umask: int, *, group: int | None
) -> int:
    """Execute a program whose output goes to the files `out` and `err` here; return its pid.

    Args:
        argv: the program and its arguments.
        env: all of its environment.
        cwd: its folder.
        umask: of its files.
        group: descriptor of the control group that it starts in; None: in that of this process.

    Raises:
        NotInGroup: try again without.
        NotStarted: the folder, the program or its arguments are not acceptable to the system.
    """
    report, report_end = os.pipe()  # exec closes the end, and so tells that it worked
    parent = os.getpid()
    signals.hold_back()
    try:
        pid = os.fork() if group is None else clone.into(group)
        if pid == 0:
            _become(argv, env, cwd, umask, parent, report_end)
    except OSError as e:
        os.close(report)
        if group is None:
            raise
        raise NotInGroup(str(e)) from e
    finally:
        signals.let_through()
        os.close(report_end)
    problem = os.read(report, 4096).decode("utf-8", "replace")
    os.close(report)
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
) -> "NoReturn":
    problem = ""
    try:
        os.setpgid(0, 0)
        _redirect()
        prctl.die_with_parent()
        if os.getppid() != parent:
            os._exit(127)  # the shim died before the kernel knew what to do then
        os.umask(umask)
        # exec takes away handlers by itself, and the launcher ignores nothing else.
        signals.reset(signals.IGNORED)
        signals.let_through()
        problem = f"can't enter the folder {cwd!r}"
        os.chdir(cwd)
        problem = f"can't execute {argv[0]!r}"
        if "/" in argv[0]:
            os.execve(argv[0], list(argv), env)
        os.execvpe(argv[0], list(argv), dict(env))
    except (OSError, ValueError, TypeError) as e:
        os.write(report, f"{problem or 'not started'}: {_reason(e)}".encode("utf-8", "replace"))
    finally:
        os._exit(127)


def _redirect() -> None:
    for name, target in (("out", 1), ("err", 2)):
        fd = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.dup2(fd, target)  # inheritable, unlike fd itself


def _reason(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.errno == errno.E2BIG:
        return "its arguments and environment together are too long for this system"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return str(problem)
