"""The options of `up`. What is not given stays as it is, or as `up` does it by itself."""

from dataclasses import dataclass
from typing import Annotated

import typer

from .completion import queue_names


@dataclass(frozen=True)
class UpOptions:
    """What `up` may be told."""

    listen: Annotated[
        str,
        typer.Option(
            "--listen",
            metavar="ADDRESS[:PORT]",
            help="Let other machines come in at this address of this one, over TLS; 0.0.0.0 is "
            "all of its addresses, off ends it.",
            show_default=False,
        ),
    ] = ""
    host_name: Annotated[
        str,
        typer.Option(
            "--host-name",
            metavar="NAME[:PORT]",
            help="Where others find this machine, for join commands; else its address.",
            show_default=False,
        ),
    ] = ""
    queues: Annotated[
        str,
        typer.Option(
            "-q",
            "--queues",
            metavar="NAMES",
            help="Queues that the worker takes tasks from; else default.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = ""
    slots: Annotated[
        str,
        typer.Option(
            "--slots",
            metavar="N",
            help="Tasks without a GPU that the worker runs at once; else 1.",
            show_default=False,
        ),
    ] = ""
    services: Annotated[
        str,
        typer.Option(
            "--services",
            metavar="N",
            help="Light tasks (submit --service) that a second worker runs at once; 0: none; "
            "else 100.",
            show_default=False,
        ),
    ] = ""
    worker: Annotated[
        bool | None,
        typer.Option(
            "--worker/--no-worker",
            help="Run workers here, for ordinary and for light tasks.",
            show_default=False,
        ),
    ] = None
    scheduler: Annotated[
        bool | None,
        typer.Option(
            "--scheduler/--no-scheduler",
            help="Fire schedules and archive what ended.",
            show_default=False,
        ),
    ] = None
    web: Annotated[
        bool | None,
        typer.Option("--web/--no-web", help="Serve a page for the browser.", show_default=False),
    ] = None
    foreground: Annotated[
        bool,
        typer.Option(
            "--foreground",
            help="Stay, and end everything at SIGTERM: for systemd and containers.",
        ),
    ] = False
