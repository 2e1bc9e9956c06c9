"""`rq-agent top`."""

from ..options import Common


def top(common: Common) -> int:
    """Watch workers, queues, tasks and logs in one live view; cancel from it. Needs rq-agent[tui]."""
    from .. import config
    from ..render.screen import Screen
    from ..top.running import run

    settings = config.load(common)
    return run(settings, Screen(settings))
