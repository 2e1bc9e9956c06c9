"""`rq-agent invite`."""

from typing import Annotated

import typer

from ..options import Common


def _roles(incomplete: str) -> list[str]:
    from ...broker.roles import ROLES

    return [role for role in ROLES if role.startswith(incomplete)]


def invite(
    common: Common,
    role: Annotated[
        str,
        typer.Argument(
            metavar="[ROLE]",
            help="As what: worker, submitter, viewer or operator.",
            show_default=False,
            autocompletion=_roles,
        ),
    ] = "",
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="The token counts for so long.")
    ] = "24h",
    uses: Annotated[
        str, typer.Option("--uses", metavar="N", help="So many machines may use it.")
    ] = "1",
    queues: Annotated[
        str,
        typer.Option(
            "-q",
            "--queues",
            metavar="NAMES",
            help="Queues that who joins may submit to, also patterns: gpu-*,default.",
        ),
    ] = "*",
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="NAME",
            help="What to call who joins; else as it calls itself.",
            show_default=False,
        ),
    ] = "",
    ls: Annotated[bool, typer.Option("--ls", help="List the tokens that are open.")] = False,
    revoke: Annotated[
        str,
        typer.Option(
            "--revoke", metavar="ID", help="Take a token back; see --ls.", show_default=False
        ),
    ] = "",
) -> None:
    """Print a command by which another machine joins, and its one-time token.

    Works on the machine that runs `rq-agent up --listen`.
    """
    from .. import config, inviting
    from ..render.screen import Screen

    settings = config.load(common)
    screen = Screen(settings)
    if ls or revoke:
        given = (expires, uses, queues, name)
        inviting.check_alone(role, given, ls=ls, revoke=revoke)
        return (
            inviting.list_tokens(settings, screen)
            if ls
            else inviting.revoke(settings, screen, revoke)
        )
    terms = inviting.terms_of(role, expires=expires, uses=uses, queues=queues, name=name)
    inviting.invite(settings, screen, terms)
