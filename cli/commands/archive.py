"""`rq-agent archive`."""

from ..filter_options import FilterOptions, Tasks
from ..options import Common


def archive(common: Common, which: FilterOptions, tasks: Tasks = None) -> int:
    """Let tasks that ended leave Redis now, as soon as the archive has them."""
    from ...broker.states import FINAL
    from ...broker.verbs import archiving
    from .. import config
    from ..acting import act
    from ..render.screen import Screen

    settings = config.load(common)
    return act(
        settings, Screen(settings), tasks or (), which, what="archive", make=archiving, states=FINAL
    )
