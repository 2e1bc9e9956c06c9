"""The options of `install` and `uninstall`."""

from dataclasses import dataclass, field
from typing import Annotated

import typer


@dataclass(frozen=True)
class UnitOptions:
    """Which units are meant."""

    user: Annotated[bool, typer.Option("--user", help="Units of your own; they need no root.")] = (
        False
    )
    system: Annotated[
        bool, typer.Option("--system", help="Units of the system: from boot on; by root.")
    ] = False
    server: Annotated[
        bool,
        typer.Option("--server", help="The embedded server, with scheduler and page (`up`)."),
    ] = False
    worker: Annotated[
        bool, typer.Option("--worker", help="A worker; takes the options of `work` too.")
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be written; change nothing.")
    ] = False


@dataclass(frozen=True)
class InstallOptions:
    """How they are made."""

    now: Annotated[
        bool, typer.Option("--now", help="Run the systemctl lines too: enable and start.")
    ] = False
    run_as: Annotated[
        str,
        typer.Option(
            "--run-as",
            metavar="USER",
            help="Whom units of the system run as; else who called sudo.",
            show_default=False,
        ),
    ] = ""
    listen: Annotated[
        str,
        typer.Option(
            "--listen",
            metavar="ADDRESS[:PORT]",
            help="Where the server lets other machines in; see rq-agent up.",
            show_default=False,
        ),
    ] = ""
    writable: Annotated[
        list[str],
        typer.Option(
            "--writable",
            metavar="FOLDER",
            help="Tasks of a worker of the system may write here, in /tmp, and nowhere else; may "
            "be repeated.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    drain_timeout: Annotated[
        str,
        typer.Option(
            "--drain-timeout",
            metavar="TIME",
            help="At a stop, wait so long for tasks; longer ones go on, and are found again.",
        ),
    ] = "90s"
