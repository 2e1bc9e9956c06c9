"""`rq-agent reset`."""

from ..filter_options import FilterOptions, Tasks
from ..options import Common


def reset(common: Common, which: FilterOptions, tasks: Tasks = None) -> int:
    """Make drafts of tasks that ended, under their ids; result and end are forgotten."""
    from ...broker.drafts import Drafts
    from ...broker.states import FINAL
    from .. import config
    from ..acting import Deed, act
    from ..render.screen import Screen

    deed = Deed(
        what="reset",
        make=lambda namespace: Drafts(namespace).reset_many,
        states=FINAL,
        next_steps=("edit", "enqueue"),
    )
    settings = config.load(common)
    return act(settings, Screen(settings), tasks or (), which, deed)
