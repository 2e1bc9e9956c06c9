"""`rq-agent move`."""

from typing import Annotated

import typer

from ..completion import queue_names, task_ids
from ..filter_options import WhereOptions
from ..options import Common


def move(
    common: Common,
    which: WhereOptions,
    tasks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TASK",
            help="Ids, beginnings of them, names, or last; several keep their order. Or, for"
            " --queue and --priority, say which by options.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ] = None,
    top: Annotated[bool, typer.Option("--top", help="Next of their priority.")] = False,
    bottom: Annotated[bool, typer.Option("--bottom", help="Last of their priority.")] = False,
    before: Annotated[
        str,
        typer.Option(
            "--before",
            metavar="TASK",
            help="Right before this one, with its priority.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ] = "",
    after: Annotated[
        str,
        typer.Option(
            "--after",
            metavar="TASK",
            help="Right behind this one, with its priority.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ] = "",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="N",
            help="So many places back, or ahead: --by -3. Within their priority.",
            show_default=False,
        ),
    ] = "",
    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="To another queue, behind those of their priority.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = "",
    priority: Annotated[
        str,
        typer.Option(
            "-p",
            "--priority",
            metavar="P",
            help="low, normal, high, or -128 to 127; among their new equals by their age.",
            show_default=False,
        ),
    ] = "",
) -> int:
    """Move tasks that wait: within their queue, to another one, or to another priority."""
    from .. import config
    from ..moving import move_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    ways = {
        "top": "top" if top else "",
        "bottom": "bottom" if bottom else "",
        "before": before,
        "after": after,
        "by": by,
        "queue": queue,
        "priority": priority,
    }
    return move_tasks(settings, Screen(settings), tasks or (), which, ways)
