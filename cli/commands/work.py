"""`rq-agent work`."""

from ..options import Common
from ..work_options import WorkOptions


def work(common: Common, options: WorkOptions) -> None:
    """Run a worker on this machine: take tasks from queues and run them.

    SIGTERM or Ctrl-C: finish what runs, then stop; once more: give it back and stop at once.
    """
    from .. import config, working
    from ..render.screen import Screen

    settings = config.load(common)
    working.run(options, settings, Screen(settings))
