"""`rq-agent queue ls`."""

from ..options import Common


def queue_ls(common: Common) -> None:
    """List queues: what waits and runs, and who listens."""
    from .. import config
    from ..queue_listing import show_queues
    from ..render.screen import Screen

    settings = config.load(common)
    show_queues(settings, Screen(settings))
