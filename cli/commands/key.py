"""`rq-agent key`: ls, add, rm, show."""

from typing import Annotated

import typer

from ..options import Common

_Queues = Annotated[
    str,
    typer.Option(
        "-q",
        "--queues",
        metavar="NAMES",
        help="Queues that it may submit to, also patterns: gpu-*,default.",
    ),
]


def key_ls(common: Common) -> None:
    """List whose tasks this machine runs, and who joined its server."""
    from .. import config, key_listing
    from ..render.screen import Screen

    settings = config.load(common)
    key_listing.show(settings, Screen(settings))


def key_show(common: Common) -> None:
    """Print your own public key, in the line that `key add` takes."""
    from .. import config, key_listing
    from ..render.screen import Screen

    settings = config.without_server(common)
    key_listing.show_own(settings, Screen(settings))


def key_add(
    common: Common,
    key: Annotated[
        str,
        typer.Argument(
            metavar="FILE|LINE",
            help="A file with the line of a public key, the line itself, or - for stdin.",
            show_default=False,
        ),
    ],
    queues: _Queues = "*",
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Whose it is; else as it says.", show_default=False
        ),
    ] = "",
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere", help="On all machines that joined the server of this machine."
        ),
    ] = False,
) -> None:
    """Trust a key: run what its owner submits, on this machine."""
    from .. import config, key_changes
    from ..render.screen import Screen

    settings = config.load(common)
    key_changes.add(
        settings, Screen(settings), key, queues=queues, name=name, everywhere=everywhere
    )


def key_rm(
    common: Common,
    which: Annotated[
        str,
        typer.Argument(
            metavar="ID|LOGIN",
            help="Id of a key (its first characters will do), or the login of who joined.",
            show_default=False,
        ),
    ],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Don't ask.")] = False,
) -> int:
    """Trust a key no more; who joined with it also loses the login."""
    from .. import config, key_changes
    from ..render.screen import Screen

    settings = config.load(common)
    return key_changes.remove(settings, Screen(settings), which, is_sure=yes)
