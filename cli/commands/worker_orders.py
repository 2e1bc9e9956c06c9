"""`rq-agent worker drain`, `undrain`, `pause`, `resume`, `stop` and `restart`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..options import Common
from ..worker_options import Names, WorkerPick

if TYPE_CHECKING:
    from collections.abc import Sequence


def drain(common: Common, pick: WorkerPick, workers: Names = None) -> int:
    """Let workers claim no more, and stop when their tasks have ended."""
    return _order(common, workers or (), pick, "DRAIN")


def undrain(common: Common, pick: WorkerPick, workers: Names = None) -> int:
    """Let workers claim again that drain or are to restart, if they have not stopped yet."""
    return _order(common, workers or (), pick, "UNDRAIN")


def pause(common: Common, pick: WorkerPick, workers: Names = None) -> int:
    """Let workers claim nothing until they are resumed, also after a restart.

    What they run goes on.
    """
    return _order(common, workers or (), pick, "PAUSE")


def resume(
    common: Common,
    pick: WorkerPick,
    workers: Names = None,
    for_time: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="TIME",
            help="For so long also outside of its hours: 2h.",
            show_default=False,
        ),
    ] = "",
) -> int:
    """Let paused workers claim again."""
    from .. import config, values, worker_orders
    from ..render.screen import Screen

    told = worker_orders.RESUME
    if for_time:
        told = worker_orders.resume_for(values.duration_s(for_time, "--for"), for_time)
    settings = config.load(common)
    return worker_orders.order(settings, Screen(settings), workers or (), pick, told)


def stop(common: Common, pick: WorkerPick, workers: Names = None) -> int:
    """Let workers give their tasks back, into their own places, and stop now."""
    return _order(common, workers or (), pick, "STOP")


def restart(common: Common, pick: WorkerPick, workers: Names = None) -> int:
    """Let workers start anew: in another version, if one was installed. What they run goes on.

    The process id and the arguments stay the same, and the new start goes on with the tasks that
    run. One that is still being prepared goes back into its place. SIGHUP does the same. To let a
    worker finish its tasks first, drain it.
    """
    return _order(common, workers or (), pick, "RESTART")


def _order(common: Common, names: "Sequence[str]", pick: WorkerPick, which: str) -> int:
    from .. import config, worker_orders
    from ..render.screen import Screen

    settings = config.load(common)
    told: worker_orders.Order = getattr(worker_orders, which)
    return worker_orders.order(settings, Screen(settings), names, pick, told)
