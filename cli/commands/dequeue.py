"""`rq-agent dequeue`."""

from ..filter_options import FilterOptions, Tasks
from ..options import Common


def dequeue(common: Common, which: FilterOptions, tasks: Tasks = None) -> int:
    """Take tasks off their queue: they become drafts, to be edited and enqueued again."""
    from ...broker.drafts import Drafts
    from ...broker.states import BEFORE_RUNNING
    from .. import config
    from ..acting import Deed, act
    from ..render.screen import Screen

    deed = Deed(
        what="dequeue",
        make=lambda namespace: Drafts(namespace).dequeue_many,
        states=BEFORE_RUNNING,
        next_steps=("edit", "enqueue"),
    )
    settings = config.load(common)
    return act(settings, Screen(settings), tasks or (), which, deed)
