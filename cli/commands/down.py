"""`rq-agent down`."""

from typing import Annotated

import typer

from ..options import Common


def down(
    common: Common,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also while tasks run: they go back into their places in the queue."
        ),
    ] = False,
) -> int:
    """Stop what `up` and `run` started on this machine, and the embedded server.

    Nothing is lost: tasks that wait are kept, services with a restart policy go back into their
    places, and machines that joined may come again after the
    next `up --listen`.
    """
    from .. import config
    from ..render.screen import Screen
    from ..stopping import stop_all

    settings = config.load(common)
    return stop_all(settings, Screen(settings), force=force)
