"""`rq-agent rm`."""

from ..filter_options import FilterOptions, Tasks
from ..options import Common


def rm(common: Common, which: FilterOptions, tasks: Tasks = None) -> int:
    """Forget tasks that ended, and drafts: record, logs and result go from Redis now.

    What the archive has of them stays there. Tasks that wait or run are not removed: cancel them
    first. A task that others wait for stays too.
    """
    from ...broker.states import FINAL, TaskState
    from ...broker.verbs import removing
    from .. import config
    from ..acting import Deed, act
    from ..render.screen import Screen

    settings = config.load(common)
    deed = Deed(what="remove", make=removing, states=FINAL | {TaskState.DRAFT})
    return act(settings, Screen(settings), tasks or (), which, deed)
