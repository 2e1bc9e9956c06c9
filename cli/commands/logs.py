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
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="None before: 10m (ago), 09:30, 2031-05-01T18:00.",
            show_default=False,
        ),
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="None after.", show_default=False)
    ] = "",
    grep: Annotated[
        str,
        typer.Option(
            "--grep",
            metavar="RE",
            help="Only lines in which this regular expression is found.",
            show_default=False,
        ),
    ] = "",
    ignore_case: Annotated[
        bool, typer.Option("-i", "--ignore-case", help="--grep finds upper and lower case.")
    ] = False,
    attempt: Annotated[
        str,
        typer.Option(
            "--attempt",
            metavar="N",
            help="Of the Nth time that it was claimed, or of all; else of the last.",
            show_default=False,
        ),
    ] = "",
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="With -f: exit with the task's own code.")
    ] = False,
) -> int:
    """Print what a task wrote, byte for byte; also of a task that has left Redis."""
    from .. import config, values
    from ..log_reading import print_log
    from ..log_wishes import Asked, check, choice_of, claim_of
    from ..render.log_view import LogView
    from ..render.screen import Screen

    count = values.whole(tail, "--tail", least=0, most=10**9 - 1) if tail else None
    choice = choice_of(stream, since=since, until=until, grep=grep, ignores_case=ignore_case)
    asked = Asked(
        task=task,
        claim=claim_of(attempt),
        tail=count,
        stays=follow,
        wants_exit_code=exit_status,
    )
    check(asked, until=until)
    settings = config.load(common)
    screen = Screen(settings)
    view = LogView(screen, choice=choice, with_times=timestamps, is_raw=raw)
    return print_log(settings, screen, view, asked)
