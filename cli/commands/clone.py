"""`rq-agent clone` and `rerun`."""

from typing import Annotated

import typer

from ..change_options import CloneOptions
from ..completion import task_ids
from ..filter_options import WhereOptions
from ..options import Common

_Tasks = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TASK",
        help="Ids, beginnings of them, names, or last; archived ones too. Or say which by options.",
        show_default=False,
        autocompletion=task_ids,
    ),
]
_Edit = Annotated[
    bool, typer.Option("--edit", help="Change the new tasks in your editor before they are added.")
]


def clone(
    common: Common,
    which: WhereOptions,
    options: CloneOptions,
    tasks: _Tasks = None,
    edit: _Edit = False,
) -> int:
    """Make drafts like tasks that there are, signed by you; print their ids.

    Only what a key in your own trust file signed is signed anew.
    """
    return _clone(common, which, options, tasks or [], is_draft=True, edits=edit)


def rerun(
    common: Common,
    which: WhereOptions,
    options: CloneOptions,
    tasks: _Tasks = None,
    edit: _Edit = False,
) -> int:
    """Run tasks once more as new ones, signed by you; print their ids.

    Only what a key in your own trust file signed is signed anew.
    """
    return _clone(common, which, options, tasks or [], is_draft=False, edits=edit)


def _clone(
    common: Common,
    which: WhereOptions,
    options: CloneOptions,
    tasks: list[str],
    *,
    is_draft: bool,
    edits: bool,
) -> int:
    from .. import config
    from ..cloning import clone_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    return clone_tasks(
        settings,
        Screen(settings),
        tasks,
        which,
        options,
        is_draft=is_draft,
        edits=edits,
        environ=config.variables(),
    )
