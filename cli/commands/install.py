"""`rq-agent install` and `uninstall`."""

from typing import Annotated

import typer

from ..install_options import InstallOptions, UnitOptions
from ..options import Common
from ..work_options import WorkOptions


def install(common: Common, units: UnitOptions, options: InstallOptions, work: WorkOptions) -> None:
    """Write units of systemd for a worker, for the server, or for both.

    Prints what it writes and the lines that start it. A unit names its server by a context, so no
    password is in it. `rq-agent uninstall` removes them.
    """
    from .. import config, installing
    from ..render.screen import Screen

    screen = Screen(config.without_server(common))
    installing.install(common, units, options, work, screen, config.variables())


def uninstall(
    common: Common,
    units: UnitOptions,
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Of the worker, if it was given.", show_default=False
        ),
    ] = "",
) -> None:
    """Stop, disable and remove the units that `install` wrote; tasks that run go on."""
    from .. import config, uninstalling
    from ..render.screen import Screen

    screen = Screen(config.without_server(common))
    uninstalling.uninstall(units, name, screen, config.variables())
