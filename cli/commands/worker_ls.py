"""`rq-agent worker ls`."""

from ..options import Common


def worker_ls(common: Common) -> None:
    """List workers: where they are, and what they do."""
    from .. import config
    from ..fleet import show_workers
    from ..render.screen import Screen

    settings = config.load(common)
    show_workers(settings, Screen(settings))
