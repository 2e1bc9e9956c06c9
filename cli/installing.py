"""Writes units of systemd."""

import os
from collections.abc import Mapping, Sequence

from ..broker.errors import RqAgentError, UsageError
from . import config
from .install_options import InstallOptions, UnitOptions
from .options import Common
from .render.screen import Screen
from .systemd import files, place, systemctl, wanting
from .systemd.arguments import words_of
from .systemd.files import Unit
from .systemd.units import Scope, Wanted, text_of
from .work_options import WorkOptions


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
        _unit(wanting.wanted(kind, scope, settings, account, options, work), environ)
        for kind in wanting.kinds(which)
    ]
    commands = _starting(scope, units)
    if which.dry_run:
        files.show_texts(screen, units, commands)
        return
    for folder in wanting.folders(account):
        files.make(folder, account)
    for unit in units:
        files.write(unit)
    files.report(screen, units, commands, runs=options.now)
    if options.now:
        systemctl.run(commands)


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


def _unit(wanted: Wanted, environ: Mapping[str, str]) -> Unit:
    path = place.folder_of(wanted.scope, environ) / wanted.name
    if path.exists():
        files.check_ours(path)
    return Unit(name=wanted.name, path=path, text=text_of(wanted), is_new=not path.exists())


def _starting(scope: Scope, units: Sequence[Unit]) -> list[tuple[str, ...]]:
    """Return the commands that start units: one that is there already must start anew."""
    commands = [systemctl.line(scope, "daemon-reload")]
    commands += [systemctl.line(scope, "enable", "--now", unit.name) for unit in units]
    return [
        *commands,
        *(systemctl.line(scope, "restart", unit.name) for unit in units if not unit.is_new),
    ]
