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
    """Stop the workers that `run` started, and the embedded server. Nothing is lost."""
    from .. import config
    from ..render.screen import Screen
    from ..stopping import stop_all

    settings = config.load(common)
    return stop_all(settings, Screen(settings), force=force)
