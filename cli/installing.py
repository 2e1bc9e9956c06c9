"""Writes units of systemd, and removes them."""

import dataclasses
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from ..broker.errors import RqAgentError, SelectorError, UsageError
from . import config, private_file, values, worker_name, working
from .config import Settings
from .install_options import InstallOptions, UnitOptions
from .options import Common
from .render.screen import Screen
from .systemd import place, systemctl
from .systemd.arguments import words_of
from .systemd.place import Account
from .systemd.units import MARK, Kind, Scope, Wanted, text_of
from .work_options import WorkOptions

_PROGRAM: Final = (sys.executable, "-P", "-m", "rq_agent.cli")


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One unit file."""

    name: str
    path: Path
    text: str = ""
    is_new: bool = True
    """There was none of this name."""


def install(
    common: Common,
    which: UnitOptions,
    options: InstallOptions,
    work: WorkOptions,
    screen: Screen,
    environ: Mapping[str, str],
) -> None:
    """Write units; start them if that is asked for.

    Raises:
        UsageError: options that don't go together, or a file that is not ours.
        RqAgentError: systemctl fails.
    """
    scope = place.scope_of(user=which.user, system=which.system)
    _check(which, options, work, scope)
    account = place.account_of(scope, options.run_as, environ)
    settings = config.load(common, environ, home=account.home)
    units = [
        _unit(_wanted(kind, scope, settings, account, options, work), environ)
        for kind in _kinds(which)
    ]
    commands = _starting(scope, units)
    if which.dry_run:
        _show_texts(screen, units, commands)
        return
    for folder in _folders(account):
        _make(folder, account)
    for unit in units:
        _write(unit)
    _report(screen, units, commands, runs=options.now)
    if options.now:
        systemctl.run(commands)


def uninstall(which: UnitOptions, name: str, screen: Screen, environ: Mapping[str, str]) -> None:
    """Stop, disable and remove units.

    Raises:
        SelectorError: none of them is there.
        UsageError: a file is not ours.
        RqAgentError: systemctl fails.
    """
    scope = place.scope_of(user=which.user, system=which.system)
    folder = place.folder_of(scope, environ)
    kinds: Sequence[Kind] = _kinds(which) or ("server", "worker")
    paths = [folder / _name(kind, name) for kind in kinds]
    found = [Unit(name=path.name, path=path) for path in paths if path.exists()]
    if not found:
        raise SelectorError(f"{folder} has no {' and no '.join(path.name for path in paths)}")
    for unit in found:
        _check_ours(unit.path)
    before = [systemctl.line(scope, "disable", "--now", unit.name) for unit in found]
    after = [systemctl.line(scope, "daemon-reload")]
    if which.dry_run:
        _report(screen, found, [*before, *after], runs=False, verb="would remove")
        return
    runs = systemctl.works(scope)
    if runs:
        systemctl.run(before)
    for unit in found:
        unit.path.unlink()
        for wants in folder.glob("*.wants"):
            (wants / unit.name).unlink(missing_ok=True)
    if runs:
        systemctl.run(after)
    _report(screen, found, [*before, *after], runs=runs, verb="removed")


def _check(which: UnitOptions, options: InstallOptions, work: WorkOptions, scope: Scope) -> None:
    if not which.server and not which.worker:
        raise UsageError("say what to install: --worker, --server, or both")
    if words := [] if which.worker else words_of(work):
        raise UsageError(f"{words[0].partition('=')[0]} is an option of a worker: say --worker too")
    if options.listen and not which.server:
        raise UsageError("--listen is an option of the server: say --server too")
    if work.once:
        raise UsageError("--once ends when no task is ready: a service stays")
    if options.writable and (scope == "user" or not which.worker):
        raise UsageError(
            "--writable goes with --system --worker: systemd can't hold your own to it"
        )
    if options.now and which.dry_run:
        raise UsageError("--now and --dry-run: say one of them")
    if options.now and not systemctl.works(scope):
        user = " --user" if scope == "user" else ""
        raise RqAgentError(
            f"systemctl{user} does not answer here: leave out --now, and start it later"
        )
    if scope == "system" and not which.dry_run and os.geteuid() != 0:
        raise UsageError("only root writes units of the system: use sudo, or --user, or --dry-run")


def _kinds(which: UnitOptions) -> list[Kind]:
    found: list[Kind] = []
    if which.server:
        found.append("server")
    if which.worker:
        found.append("worker")
    return found


def _name(kind: Kind, name: str) -> str:
    suffix = f"-{name}" if name and kind == "worker" else ""
    return f"rq-agent-{kind}{suffix}.service"


def _wanted(
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
        listen = [f"--listen={options.listen}"] if options.listen else []
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
        name=_name(kind, work.name),
        command=(*_PROGRAM, *command),
        what=what,
        variables=(*account.variables, *ours),
        user=account.user,
        folders=_folders(account),
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


def _folders(account: Account) -> tuple[Path, ...]:
    home = account.home
    return (home.config, home.state, home.cache, home.data)


def _gpu_devices() -> tuple[str, ...]:
    """Return what makes the device files of GPUs: a task gets no new privileges, so it can't."""
    program = shutil.which("nvidia-modprobe")
    return (program, "-u", "-c=0") if program else ()


def _unit(wanted: Wanted, environ: Mapping[str, str]) -> Unit:
    path = place.folder_of(wanted.scope, environ) / wanted.name
    if path.exists():
        _check_ours(path)
    return Unit(name=wanted.name, path=path, text=text_of(wanted), is_new=not path.exists())


def _check_ours(path: Path) -> None:
    if not path.read_text("utf-8", "replace").startswith(MARK):
        raise UsageError(f"{path} was not made by rq-agent install: move it away first")


def _make(folder: Path, account: Account) -> None:
    """Make a folder for its account only: a unit may write to what is there when it starts."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(0o700)
            if os.geteuid() != account.uid:
                os.chown(path, account.uid, account.gid)


def _write(unit: Unit) -> None:
    try:
        private_file.write(unit.path, unit.text.encode())
        unit.path.chmod(0o644)
    except OSError as e:
        raise RqAgentError(f"can't write {unit.path}: {e.strerror or e}") from e


def _starting(scope: Scope, units: Sequence[Unit]) -> list[tuple[str, ...]]:
    """Return the commands that start units: one that is there already must start anew."""
    commands = [systemctl.line(scope, "daemon-reload")]
    commands += [systemctl.line(scope, "enable", "--now", unit.name) for unit in units]
    return [
        *commands,
        *(systemctl.line(scope, "restart", unit.name) for unit in units if not unit.is_new),
    ]


def _show_texts(screen: Screen, units: Sequence[Unit], commands: Sequence[Sequence[str]]) -> None:
    if screen.json:
        _report(screen, units, commands, runs=False)
        return
    for unit in units:
        screen.put(f"# {unit.path}\n{unit.text}")
    _say_commands(screen, commands)


def _report(
    screen: Screen,
    units: Sequence[Unit],
    commands: Sequence[Sequence[str]],
    *,
    runs: bool,
    verb: str = "wrote",
) -> None:
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
