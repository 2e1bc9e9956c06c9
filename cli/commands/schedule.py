"""`rq-agent schedule add`, `explain`, `ls`, `show`, `pause`, `resume`, `run` and `rm`."""

from typing import Annotated

import typer

from ..completion import schedule_names
from ..options import Common, TaskOptions

_Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...",
        help="Names of schedules.",
        show_default=False,
        autocompletion=schedule_names,
    ),
]
_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of a schedule.",
        show_default=False,
        autocompletion=schedule_names,
    ),
]


def schedule_add(
    common: Common,
    task: TaskOptions,
    schedule: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the schedule.", show_default=False)
    ],
    line: Annotated[
        str,
        typer.Argument(
            metavar="CRON",
            help="When: minute hour day month weekday, e.g. '0 3 * * mon-fri'.",
            show_default=False,
        ),
    ],
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="Script to run.", show_default=False)
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGS]", help="The script's own arguments.")
    ] = None,
    tz: Annotated[
        str,
        typer.Option(
            "--tz",
            metavar="ZONE",
            help="Time zone of CRON; else this machine's.",
            show_default=False,
        ),
    ] = "",
    missed: Annotated[
        str,
        typer.Option(
            "--missed",
            metavar="HOW",
            help="What becomes of times at which no scheduler ran: skip, once (one task for all "
            "of them), or all.",
        ),
    ] = "once",
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of one of that name.")
    ] = False,
) -> None:
    """Run a script again and again: code, environment and parameters as they are now.

    Options before NAME are rq-agent's, the ones after SCRIPT are the script's own.
    Schedules fire while a `rq-agent scheduler` runs somewhere.
    """
    from ..schedule_adding import Adding

    adding = Adding(common, task, schedule, line, script, arguments or ())
    adding.add(tz, missed, replaces=replace)


def schedule_explain(
    common: Common,
    line: Annotated[
        str, typer.Argument(metavar="CRON", help="A line of cron, in quotes.", show_default=False)
    ],
    tz: Annotated[
        str,
        typer.Option(
            "--tz", metavar="ZONE", help="Its time zone; else this machine's.", show_default=False
        ),
    ] = "",
    count: Annotated[
        str, typer.Option("--count", metavar="N", help="So many of the next times.")
    ] = "3",
) -> None:
    """Say in words when a line of cron fires, and the next times."""
    from .. import config, schedules, values
    from ..render.screen import Screen

    times = values.whole(count, "--count", least=1, most=1000)
    settings = config.load(common)
    schedules.explain(Screen(settings), line, tz, count=times)


def schedule_ls(
    common: Common,
    wide: Annotated[
        bool, typer.Option("-w", "--wide", help="Say when each fires in words, too.")
    ] = False,
) -> None:
    """List schedules: when each fires next, and what became of it last."""
    from .. import config, schedules
    from ..render.screen import Screen

    settings = config.load(common)
    schedules.show_all(settings, Screen(settings), is_wide=wide)


def schedule_show(common: Common, name: _Name) -> None:
    """Show everything that is known about a schedule."""
    from .. import config, schedules
    from ..render.screen import Screen

    settings = config.load(common)
    schedules.show_one(settings, Screen(settings), name)


def schedule_pause(
    common: Common,
    names: _Names,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False)
    ] = "",
) -> None:
    """Let schedules fire no more until they are resumed."""
    from .. import config, schedules
    from ..render.screen import Screen

    settings = config.load(common)
    schedules.pause(settings, Screen(settings), names, reason=reason)


def schedule_resume(common: Common, names: _Names) -> None:
    """Let paused schedules fire again, from their next time on."""
    from .. import config, schedules
    from ..render.screen import Screen

    settings = config.load(common)
    schedules.resume(settings, Screen(settings), names)


def schedule_run(common: Common, name: _Name) -> int:
    """Enqueue one task of a schedule now, paused or not; its times stay as they are."""
    from .. import config, schedules
    from ..render.screen import Screen

    settings = config.load(common)
    return schedules.run_now(settings, Screen(settings), name)


def schedule_rm(common: Common, names: _Names) -> None:
    """Forget schedules; tasks that they added stay."""
    from .. import config, schedules
    from ..render.screen import Screen

    settings = config.load(common)
    schedules.remove(settings, Screen(settings), names)
