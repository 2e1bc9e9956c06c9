"""Hidden commands: processes that `up --listen` keeps running."""

from typing import Annotated

import typer

from ..options import Common


def relay(
    common: Common,
    listen: Annotated[
        str, typer.Option("--listen", metavar="ADDRESS:PORT", help="Where to listen.")
    ],
) -> None:
    """Pass TLS connections of other machines on to the embedded server."""
    from .. import config, relaying
    from ..render.screen import Screen

    settings = config.load(common)
    relaying.relay(settings, Screen(settings), listen=listen)


def registrar(common: Common) -> None:
    """Let machines in that come with a token."""
    from .. import config, relaying
    from ..render.screen import Screen

    settings = config.load(common)
    relaying.register(settings, Screen(settings))
