"""What a unit is to hold, from options."""

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Final

from ...broker.errors import UsageError
from .. import values, worker_name, working
from ..config import Settings
from ..install_options import InstallOptions, UnitOptions
from ..upkeep import listening
from ..work_options import WorkOptions
from .arguments import words_of
from .place import Account
from .units import Kind, Scope, Wanted

_PROGRAM: Final = (sys.executable, "-P", "-m", "rq_agent.cli")


def kinds(which: UnitOptions) -> list[Kind]:
    """Return which kinds were asked for."""
    found: list[Kind] = []
    if which.server:
        found.append("server")
    if which.worker:
        found.append("worker")
    return found


def unit_name(kind: Kind, name: str) -> str:
    """Return the name of a unit: several workers of a machine have names of their own."""
    suffix = f"-{name}" if name and kind == "worker" else ""
    return f"rq-agent-{kind}{suffix}.service"


def wanted(
    kind: Kind,
    scope: Scope,
    settings: Settings,
    account: Account,
    options: InstallOptions,
    work: WorkOptions,
) -> Wanted:
    """Return what a unit is to hold.

    Raises:
        UsageError: an option's value is not acceptable, or the server has no name.
    """
    if kind == "server":
        context, what = "local", "database, scheduler, page"
        listen = [f"--listen={listening.parse(options.listen)}"] if options.listen else []
        command = ["up", "--foreground", "--no-worker", *listen]
    else:
        context, what = _context(settings), f"queues {work.queues}"
        if work.name:
            worker_name.checked(work.name)
        _check_worker(work, settings)
        command = ["work", *words_of(work)]
    ours = (("RQ_AGENT_CONTEXT", context), ("RQ_AGENT_NAMESPACE", settings.namespace))
    return Wanted(
        kind=kind,
        scope=scope,
        name=unit_name(kind, work.name),
        command=(*_PROGRAM, *command),
        what=what,
        variables=(*account.variables, *ours),
        user=account.user,
        folders=folders(account),
        writable=tuple(_folder(text) for text in options.writable) if kind == "worker" else (),
        drain_s=max(1, round(values.duration_s(options.drain_timeout, "--drain-timeout"))),
        prepare=_gpu_devices(),
    )


def _context(settings: Settings) -> str:
    if settings.context:
        return settings.context
    raise UsageError(
        "a unit names its server by a context, so that no password is in it: "
        "rq-agent context add NAME -, then rq-agent install --context NAME"
    )


def _check_worker(work: WorkOptions, settings: Settings) -> None:
    """Refuse now what the worker would refuse at each start."""
    working.config_of(dataclasses.replace(work, name=work.name or "any"), settings)


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_dir():
        raise UsageError(f"--writable {text}: there is no such folder")
    return path.resolve()


def folders(account: Account) -> tuple[Path, ...]:
    """Return the folders that every unit writes to."""
    home = account.home
    return (home.config, home.state, home.cache, home.data)


def _gpu_devices() -> tuple[str, ...]:
    """Return what makes the device files of GPUs: a task gets no new privileges, so it can't."""
    program = shutil.which("nvidia-modprobe")
    return (program, "-u", "-c=0") if program else ()
