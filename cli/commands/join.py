"""`rq-agent join`."""

from typing import Annotated

import typer

from ..options import Common


def join(
    common: Common,
    link: Annotated[
        str,
        typer.Argument(
            metavar="LINK",
            help="What `rq-agent up --listen` or `rq-agent invite` printed, in quotes.",
            show_default=False,
        ),
    ],
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="CONTEXT",
            help="What to call that server here; else its host.",
            show_default=False,
        ),
    ] = "",
    token_file: Annotated[
        str,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Read the token from a file, - is stdin; else it is asked for.",
            show_default=False,
        ),
    ] = "",
    use: Annotated[bool, typer.Option("--use/--no-use", help="Make it the current one.")] = True,
) -> None:
    """Join a server: get a login of your own for a link and a one-time token.

    Before anything is sent, the server must show the certificate that the link names.
    """
    from .. import config, joining
    from ..render.screen import Screen

    settings = config.without_server(common)
    joining.join(
        settings,
        Screen(settings),
        link,
        name=name,
        token_file=token_file,
        is_used=use,
        environ=config.variables(),
    )
