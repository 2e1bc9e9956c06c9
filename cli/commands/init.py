"""`rq-agent init`."""

from typing import Annotated

import typer

from ..completion import queue_names
from ..options import Common


def init(
    common: Common,
    server: Annotated[
        str,
        typer.Option(
            "--server",
            metavar="SERVER",
            help="embedded; the link of rq-agent up --listen; a URL; or - to read a URL with a "
            "password from stdin.",
            show_default=False,
        ),
    ] = "",
    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="Where new tasks go when no queue is named.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = "",
    token_file: Annotated[
        str,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Where the token of a link is, - is stdin; else it is asked for.",
            show_default=False,
        ),
    ] = "",
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Ask nothing: what is not given stays as it is.")
    ] = False,
) -> int:
    """Say which server to use and where new tasks go; asks, shows, then writes.

    Nothing has to be said where everything runs on this machine. Once more, it begins with what
    is set now. Git needs no credentials here: code is packed where it is submitted.
    """
    from .. import config, init_answers, initializing
    from ..render.screen import Screen

    screen = Screen(config.without_server(common))
    given = init_answers.Given(
        server=server, namespace=common.namespace, queue=queue, token_file=token_file
    )
    return initializing.init(common, screen, given, config.variables(), is_sure=yes)
