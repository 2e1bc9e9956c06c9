"""`rq-agent logs`."""

from typing import Annotated

import typer

from ..completion import task_ids
from ..options import Common


def logs(
    common: Common,
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="Id, the beginning of one, name, or last.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Stay until it ends.")] = False,
    tail: Annotated[
        str,
        typer.Option(
            "-n", "--tail", metavar="N", help="Only the last N lines.", show_default=False
        ),
    ] = "",
    stream: Annotated[
        str,
        typer.Option(
            "--stream",
            metavar="NAME",
            help="Only out, err, or sys (rq-agent's own words).",
            show_default=False,
        ),
    ] = "",
    timestamps: Annotated[
        bool, typer.Option("-t", "--timestamps", help="Begin each line with its time.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave control sequences alone on a terminal.")
    ] = False,
) -> int:
    """Print what a task wrote, byte for byte."""
    from .. import config, values
    from ..log_reading import print_log, streams_of
    from ..render.log_view import LogView
    from ..render.screen import Screen

    count = values.whole(tail, "--tail", least=0, most=10**9 - 1) if tail else None
    settings = config.load(common)
    screen = Screen(settings)
    view = LogView(screen, streams=streams_of(stream), with_times=timestamps, is_raw=raw)
    return print_log(settings, screen, view, task, tail=count, stays=follow)
