"""Makes typer's commands of the tree: each when it is used, so that every one starts fast."""

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from .command import command, root
from .commands.version import print_version
from .options import Common
from .quick import QuickCommand, QuickGroup
from .tree import ROOT, Entry, Group

_OURS_THEN_THEIRS: Final = {"allow_interspersed_args": False}
_ANY_HELP: Final = {"help_option_names": ["-h", "--help"]}
_PLAIN: Final[dict[str, Any]] = {
    "rich_markup_mode": None,  # plain help: no import of rich, no boxes
    "pretty_exceptions_enable": False,
}


def build() -> Callable[..., Any]:
    """Return the whole command line."""
    group: QuickGroup = _group(ROOT, _root, add_completion=True)
    return group


def made(entry: Entry | Group) -> Any:
    """Return typer's command for one entry of the tree."""
    if isinstance(entry, Group):
        return _group(entry, lambda: None, add_completion=False)
    module, _, function = entry.body.partition(":")
    body = getattr(import_module(f"..commands.{module}", __name__), function)
    app = typer.Typer(add_completion=False, **_PLAIN)
    settings = {**_ANY_HELP, **(_OURS_THEN_THEIRS if entry.passes_arguments else {})}
    app.command(entry.name, cls=QuickCommand, context_settings=settings, hidden=entry.is_hidden)(
        command(body)
    )
    return typer.main.get_command(app)


def _group(group: Group, callback: Callable[..., None], *, add_completion: bool) -> Any:
    app = typer.Typer(
        name=group.name,
        cls=QuickGroup,
        help=group.help,
        no_args_is_help=True,
        add_completion=add_completion,
        context_settings=_ANY_HELP,
        hidden=group.is_hidden,
        **_PLAIN,
    )
    app.callback()(callback)
    made_of: Any = typer.main.get_command(app)
    made_of.panels = group.panels
    made_of.make = made
    made_of.usual = group.usual
    return made_of


@root
def _root(
    common: Common,
    version: Annotated[
        bool,
        typer.Option(
            "-V", "--version", help="Print the version.", callback=print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Run Python work on the machines you own."""
