"""Removes units of systemd that `install` wrote."""

from collections.abc import Mapping, Sequence

from ..broker.errors import SelectorError, UsageError
from . import worker_name
from .install_options import UnitOptions
from .render.screen import Screen
from .systemd import files, place, systemctl, wanting
from .systemd.files import Unit
from .systemd.units import Kind


def uninstall(which: UnitOptions, name: str, screen: Screen, environ: Mapping[str, str]) -> None:
    """Stop, disable and remove units.

    Raises:
        SelectorError: none of them is there.
        UsageError: a file is not ours.
        RqAgentError: systemctl fails.
    """
    scope = place.scope_of(user=which.user, system=which.system)
    folder = place.folder_of(scope, environ)
    if name:
        worker_name.checked(name)
        if which.server and not which.worker:
            raise UsageError("--name is the name of a worker: leave it out, or say --worker")
    kinds: Sequence[Kind] = wanting.kinds(which) or ("server", "worker")
    paths = [folder / wanting.unit_name(kind, name) for kind in kinds]
    found = [Unit(name=path.name, path=path) for path in paths if path.exists()]
    if not found:
        raise SelectorError(f"{folder} has no {' and no '.join(path.name for path in paths)}")
    for unit in found:
        files.check_ours(unit.path)
    before = [systemctl.line(scope, "disable", "--now", unit.name) for unit in found]
    after = [systemctl.line(scope, "daemon-reload")]
    if which.dry_run:
        files.report(screen, found, [*before, *after], runs=False, verb="would remove")
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
    files.report(screen, found, [*before, *after], runs=runs, verb="removed")
