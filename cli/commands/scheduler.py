"""`rq-agent scheduler`."""

from typing import Annotated

import typer

from ..options import Common


def scheduler(
    common: Common,
    archive: Annotated[
        str,
        typer.Option(
            "--archive",
            metavar="PLACE",
            help="Folder or URL where tasks go before they leave Redis; else RQ_AGENT_ARCHIVE, "
            "config.toml.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Do what no single worker does: fire schedules, archive and purge what ended long ago.

    Any number may run at once, on any machine. SIGTERM or Ctrl-C stops one. It fires what keys in
    its trust file signed, and signs each task itself: workers must trust the key of its user.
    """
    from .. import config, scheduling
    from ..render.screen import Screen

    settings = config.load(common)
    scheduling.run(settings, Screen(settings), archive=archive)
