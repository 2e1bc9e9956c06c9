"""How `run` starts a worker: detached, so that it outlives Ctrl-C."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ..broker import needs
from ..broker.presence import RESTING, WorkerView
from . import service_slots, worker_name
from .config import Settings, handed_on

if TYPE_CHECKING:
    from ..broker.needs import Need

IDLE_S: Final = 600
_TAIL_BYTES: Final = 2_000


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that was just started."""

    name: str
    pid: int
    log: Path


def could_run(need: "Need", worker: WorkerView) -> bool:
    """Return whether a worker has room for this need when nothing else runs on it. Pure."""
    if worker.state in RESTING:
        return False
    no_limit = float("inf")
    whole = needs.Free(
        slots=1 if worker.slots is None else worker.slots,
        light=worker.services,
        gpus=len(worker.gpus),
        cpus=no_limit if worker.cpus is None else worker.cpus,
        mem_mib=no_limit if worker.mem_mib is None else worker.mem_mib,
    )
    return needs.fits(need, whole)


def log_folder(settings: Settings) -> Path:
    """Return the folder with one log for each worker that `run` started on this machine."""
    return worker_name.machine_folder(settings.home) / "run-workers"


def start(
    settings: Settings, queue: str, environ: Mapping[str, str], *, light: bool = False
) -> Started:
    """Start a worker for one queue in a session of its own.

    Args:
        settings: whose Redis and home it uses.
        queue: that it listens to.
        light: it runs light tasks; else ordinary ones.
        environ: of this process.

    Raises:
        OSError: it can't be started, or its log can't be written.
    """
    kind = "run-services" if light else "run"
    name = worker_name.free(settings.home, f"{worker_name.default()}-{kind}")
    log = log_folder(settings) / f"{name}.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = ["--name", name, "--queues", queue, "--idle-timeout", str(IDLE_S), "--stop-server"]
    if light:
        options += ["--services", service_slots.USUAL, "--slots", "0"]
    # -P: the folder that we stand in must not provide modules of ours.
    argv = [sys.executable, "-P", "-m", "rq_agent.cli", "work", *options]
    pid = os.posix_spawn(
        sys.executable,
        argv,
        handed_on(settings, environ),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Started(name=name, pid=pid, log=log)


def has_ended(pid: int) -> bool:
    """Return whether a process that this one started is gone."""
    try:
        ended, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return True
    return ended != 0


def tail(log: Path) -> str:
    """Return the end of a worker's log."""
    try:
        return log.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace").rstrip()
    except OSError as e:
        return str(e)
