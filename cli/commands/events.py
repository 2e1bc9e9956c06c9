"""`rq-agent events`."""

from typing import Annotated

import typer

from ..completion import queue_names, task_ids
from ..options import Common


def events(
    common: Common,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Stay, and print those that come.")
    ] = False,
    task: Annotated[
        str,
        typer.Option(
            "--task",
            metavar="TASK",
            help="Of one task.",
            show_default=False,
            autocompletion=task_ids,
        ),
    ] = "",
    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="Of one queue.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="None before: 10m (ago), 09:30, 2031-05-01T18:00.",
            show_default=False,
        ),
    ] = "",
    after: Annotated[
        str,
        typer.Option(
            "--after",
            metavar="ID",
            help="Go on after this event, oldest first; --json shows ids.",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[
        str, typer.Option("-n", "--limit", metavar="N", help="At most so many that were.")
    ] = "30",
) -> int:
    """Print what happened: each step of each task, and changes of queues and schedules.

    The newest ones, oldest first. With -f it goes on, also over a restart of Redis, until Ctrl-C.
    """
    import time

    from ...broker.events import place
    from .. import config, values
    from ..event_reading import Wanted, show_events
    from ..local_zone import local_zone
    from ..moments import past_s
    from ..render.screen import Screen

    count = values.whole(limit, "--limit", least=0, most=1_000_000)
    values.check_names(queue=queue)
    settings = config.load(common)
    zone = local_zone(config.variables())
    wanted = Wanted(
        task=task,
        queue=queue,
        since_s=past_s(since, "--since", now_s=time.time(), zone=zone) if since else 0.0,
        after=place(after) if after else "",
        limit=count,
        stays=follow,
    )
    return show_events(settings, Screen(settings), wanted)
