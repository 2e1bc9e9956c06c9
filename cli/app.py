"""The tree of commands."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from .command import Body, command, root
from .commands.archive import archive
from .commands.cancel import cancel
from .commands.clone import clone, rerun
from .commands.dequeue import dequeue
from .commands.down import down
from .commands.enqueue import enqueue
from .commands.label import label
from .commands.logs import logs
from .commands.move import move
from .commands.ps import ps
from .commands.queue_ls import queue_ls
from .commands.queue_open import create, pause, resume
from .commands.queue_rm import purge, rm
from .commands.queue_shares import ageing, limit, weight
from .commands.queue_show import queue_show
from .commands.reset import reset
from .commands.run import run
from .commands.schedule import (
    schedule_add,
    schedule_ls,
    schedule_pause,
    schedule_resume,
    schedule_rm,
    schedule_run,
    schedule_show,
)
from .commands.scheduler import scheduler
from .commands.show import show
from .commands.submit import submit
from .commands.version import print_version, version
from .commands.wait import wait
from .commands.why import why
from .commands.work import work
from .commands.worker_drain import drain, stop, undrain
from .commands.worker_ls import worker_ls
from .options import Common
from .quick import QuickCommand, QuickGroup

_HELP: Final = "Run Python work on the machines you own."
_OURS_THEN_THEIRS: Final = {"allow_interspersed_args": False}
"""Options before the script are ours, the ones after it the script's own."""


def build() -> Callable[..., Any]:
    """Return the whole command line."""
    app = _group(_HELP, context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(root(_root))
    app.command("run", cls=QuickCommand, context_settings=_OURS_THEN_THEIRS)(command(run))
    app.command("submit", cls=QuickCommand, context_settings=_OURS_THEN_THEIRS)(command(submit))
    _add(app, work, logs, ps, show, why, wait, cancel, move)
    _add(app, clone, rerun, enqueue, dequeue, reset, label, archive)
    queue = _group("Queues: what waits where.")
    queue.command("ls", cls=QuickCommand)(command(queue_ls))
    queue.command("show", cls=QuickCommand)(command(queue_show))
    _add(queue, create, pause, resume, limit, weight, ageing, purge, rm)
    worker = _group("Workers: who is there, and what they do.")
    worker.command("ls", cls=QuickCommand)(command(worker_ls))
    worker.command("drain", cls=QuickCommand)(command(drain))
    worker.command("undrain", cls=QuickCommand)(command(undrain))
    worker.command("stop", cls=QuickCommand)(command(stop))
    app.add_typer(queue, name="queue")
    app.add_typer(_schedules(), name="schedule")
    app.add_typer(worker, name="worker")
    _add(app, scheduler, down, version)
    return typer.main.get_command(app)


def _schedules() -> typer.Typer:
    schedule = _group("Schedules: tasks that come again and again.")
    schedule.command("add", cls=QuickCommand, context_settings=_OURS_THEN_THEIRS)(
        command(schedule_add)
    )
    schedule.command("ls", cls=QuickCommand)(command(schedule_ls))
    schedule.command("show", cls=QuickCommand)(command(schedule_show))
    schedule.command("pause", cls=QuickCommand)(command(schedule_pause))
    schedule.command("resume", cls=QuickCommand)(command(schedule_resume))
    schedule.command("run", cls=QuickCommand)(command(schedule_run))
    schedule.command("rm", cls=QuickCommand)(command(schedule_rm))
    return schedule


def _add(app: typer.Typer, *bodies: Body) -> None:
    for body in bodies:
        app.command(body.__name__, cls=QuickCommand)(command(body))


def _group(text: str, **settings: Any) -> typer.Typer:
    return typer.Typer(
        help=text,
        cls=QuickGroup,
        no_args_is_help=True,
        rich_markup_mode=None,  # plain help: no import of rich, no boxes
        pretty_exceptions_enable=False,
        add_completion=bool(settings),
        **settings,
    )


def _root(
    common: Common,
    version: Annotated[
        bool,
        typer.Option(
            "-V", "--version", help="Print the version.", callback=print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Run Python work on the machines you own."""
