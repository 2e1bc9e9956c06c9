"""`rq-agent clone` and `rerun`."""

from typing import Annotated

import typer

from ..clone_options import CloneOptions
from ..completion import task_ids
from ..options import Common

_Tasks = Annotated[
    list[str],
    typer.Argument(
        metavar="TASK...",
        help="Ids, beginnings of them, names, or last; archived ones too.",
        show_default=False,
        autocompletion=task_ids,
    ),
]


def clone(common: Common, options: CloneOptions, tasks: _Tasks) -> int:
    """Make drafts like tasks that there are, signed by you; print their ids.

    Only what a key in your own trust file signed is signed anew.
    """
    return _clone(common, options, tasks, is_draft=True)


def rerun(common: Common, options: CloneOptions, tasks: _Tasks) -> int:
    """Run tasks once more as new ones, signed by you; print their ids.

    Only what a key in your own trust file signed is signed anew.
    """
    return _clone(common, options, tasks, is_draft=False)


def _clone(common: Common, options: CloneOptions, tasks: list[str], *, is_draft: bool) -> int:
    from .. import config
    from ..cloning import clone_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    return clone_tasks(
        settings,
        Screen(settings),
        tasks,
        options,
        is_draft=is_draft,
        environ=config.variables(),
    )
