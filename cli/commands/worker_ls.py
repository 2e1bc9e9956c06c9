"""`rq-agent worker ls`."""

from typing import Annotated

import typer

from ..options import Common
from ..worker_options import WorkerFilter


def worker_ls(
    common: Common,
    wanted: WorkerFilter,
    gone: Annotated[
        bool, typer.Option("-a", "--all", help="Also those that fell silent a while ago.")
    ] = False,
    sub_workers: Annotated[
        bool | None,
        typer.Option(
            "--sub-workers/--no-sub-workers",
            help="All light tasks that they run, or none; else the newest 20 of each worker.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List workers: where they are, and what they do."""
    from .. import config
    from ..render.screen import Screen
    from ..worker_listing import show_workers

    settings = config.load(common)
    show_workers(settings, Screen(settings), wanted, with_gone=gone, subs=sub_workers)
