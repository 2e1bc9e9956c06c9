"""`rq-agent context`: ls, show, use, add, rm."""

from typing import Annotated

import typer

from ..completion import context_names
from ..options import Common

_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the context; local is the embedded server.",
        show_default=False,
        autocompletion=context_names,
    ),
]


def context_ls(common: Common) -> None:
    """List the servers that you work with; the current one has a star."""
    from .. import config, context_listing
    from ..render.screen import Screen

    settings = config.without_server(common)
    context_listing.show_all(settings, Screen(settings), config.variables())


def context_show(
    common: Common,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="Name of the context; else the one in use.",
            show_default=False,
            autocompletion=context_names,
        ),
    ] = "",
) -> None:
    """Show one server: address, namespace, role and pinned certificate; no password."""
    from .. import config, context_listing
    from ..render.screen import Screen

    settings = config.without_server(common)
    name = name or common.context or config.load(common).context
    context_listing.show_one(settings, Screen(settings), name)


def context_use(common: Common, name: _Name) -> None:
    """Make a server the one that commands speak to."""
    from .. import config, context_changes
    from ..render.screen import Screen

    settings = config.without_server(common)
    context_changes.use(settings, Screen(settings), name, config.variables())


def context_add(
    common: Common,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name to give it.", show_default=False)
    ],
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Address of a Redis or Valkey; - reads it from stdin, or asks, so that no "
            "password is seen.",
            show_default=False,
        ),
    ],
    use: Annotated[bool, typer.Option("--use", help="Make it the current one.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of one of that name.")
    ] = False,
) -> None:
    """Remember a server by a name. For one that `rq-agent up` serves: see rq-agent join."""
    from .. import config, context_changes
    from ..render.screen import Screen

    settings = config.without_server(common)
    context_changes.add(
        settings,
        Screen(settings),
        name,
        url,
        namespace=common.namespace,
        is_used=use,
        replaces=replace,
    )


def context_rm(
    common: Common,
    name: _Name,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Don't ask.")] = False,
) -> int:
    """Forget a server, its password and its certificate."""
    from .. import config, context_changes
    from ..render.screen import Screen

    settings = config.without_server(common)
    return context_changes.remove(settings, Screen(settings), name, is_sure=yes)
