"""What is good or bad about a machine, in words. Pure."""

import os
from pathlib import Path
from typing import Final

from .finding import Finding, fail, ok, warn

_GIB: Final = 1024**3
_LEAST_BYTES: Final = 1 * _GIB
_SCARCE_BYTES: Final = 10 * _GIB
_LEAST_INODES: Final = 10_000
_SCARCE_INODES: Final = 100_000
_LONGEST_SOCKET: Final = 100
_OWN_FOLDER: Final = len("/0123456789abcdef/s")
OLDEST_GIT: Final = (2, 25)


def disk(name: str, folder: Path, free_bytes: int, free_inodes: int, all_inodes: int) -> Finding:
    """Judge what is free on the file system of a folder.

    Args:
        name: of the check.
        folder: that is meant.
        free_bytes: for who is not root.
        free_inodes: for who is not root.
        all_inodes: 0 where the file system does not count them.
    """
    words = f"{free_bytes / _GIB:.1f} GiB free in {folder}"
    todo = "make room, or set RQ_AGENT_HOME to a folder on a larger disk"
    if free_bytes < _LEAST_BYTES:
        return fail(name, words, todo)
    if all_inodes and free_inodes < _LEAST_INODES:
        return fail(name, f"{words}, but only {free_inodes} more files", todo)
    if free_bytes < _SCARCE_BYTES:
        return warn(name, f"{words}: an environment with PyTorch takes 6", todo)
    if all_inodes and free_inodes < _SCARCE_INODES:
        return warn(name, f"{words}, but only {free_inodes} more files", todo)
    return ok(name, words)


def file_system(kind: str, *, is_shared: bool, is_embedded: bool) -> Finding:
    """Judge where the home lies.

    Args:
        kind: of file system.
        is_shared: other machines may write to it too.
        is_embedded: the embedded server's files lie in it.
    """
    if not is_shared:
        return ok("home", f"on a local file system ({kind or 'of unknown kind'})")
    words = f"on a network file system ({kind})"
    todo = "set RQ_AGENT_HOME to a folder on a local disk"
    if is_embedded:
        return fail("home", f"{words}, which the embedded server refuses", todo)
    return warn("home", f"{words}: environments are slow there", todo)


def git(version: tuple[int, ...] | None) -> Finding:
    """Judge the version of git; None: there is no git."""
    if version is None:
        return fail("git", "is not installed: repositories can't be packed", "install git")
    text = ".".join(map(str, version))
    if version < OLDEST_GIT:
        least = ".".join(map(str, OLDEST_GIT))
        return fail("git", f"{text} is too old", f"install git {least} or newer")
    return ok("git", text)


def gpus(count: int | None, driver: str, problem: str) -> Finding:
    """Judge the GPUs.

    Args:
        count: None: the driver's library does not answer.
        driver: its version.
        problem: why it does not answer; empty where there is no driver.
    """
    if count is None and problem:
        todo = "tasks with --gpus can't run here; see nvidia-smi, and reload or update the driver"
        return warn("gpu", f"the driver does not answer: {problem}", todo)
    if count is None:
        return ok("gpu", "no NVIDIA driver: this machine takes tasks without a GPU")
    return ok("gpu", f"{count} with driver {driver}")


def docker(version: str, problem: str, *, is_refused: bool) -> Finding:
    """Judge docker.

    Args:
        version: of the daemon; empty if it can't be reached.
        problem: why it can't be reached; empty where nothing says that there is one.
        is_refused: it is there, but this user may not.
    """
    if version:
        return ok("docker", f"{version} answers")
    if is_refused:
        return warn(
            "docker",
            "this user may not speak to the daemon",
            "only tasks in containers need it: usermod -aG docker USER, then log in again",
        )
    if problem:
        todo = "only tasks in containers need it: start the daemon, or correct DOCKER_HOST"
        return warn("docker", f"the daemon does not answer: {problem}", todo)
    return ok("docker", "not here; only tasks in containers need it")


def lingering(*, has_systemd: bool, is_root: bool, lingers: bool, kills: bool) -> Finding:
    """Judge whether what a user started outlives the user's last login.

    Args:
        has_systemd: it runs here.
        is_root: of whom nothing is ended.
        lingers: the user's own services stay.
        kills: logind ends whatever the user left running.
    """
    if not has_systemd:
        return ok("logout", "no systemd here: what is started stays")
    if is_root or lingers:
        return ok("logout", "what is started stays")
    todo = "loginctl enable-linger"
    if kills:
        return warn("logout", "at your last logout systemd ends all that you started", todo)
    return ok("logout", f"what `up` starts stays; user units don't unless you say: {todo}")


def sockets(data: Path, temporary: Path) -> Finding:
    """Judge where sockets lie: their paths may have about 100 bytes.

    Args:
        data: where the embedded server's would lie.
        temporary: the folder that takes them where that path is too long.
    """
    if len(os.fsencode(data / "s")) <= _LONGEST_SOCKET:
        return ok("sockets", f"in {data}")
    longest = len(os.fsencode(temporary)) + _OWN_FOLDER
    if longest <= _LONGEST_SOCKET:
        return ok("sockets", f"in {temporary}: the path of the home is too long for them")
    return fail("sockets", f"{temporary} is too long a path for them", "set TMPDIR to a short one")
