"""`rq-agent up`."""

from ..options import Common
from ..up_options import UpOptions


def up(common: Common, options: UpOptions) -> int:
    """Start a server, workers and a scheduler on this machine, and keep them running.

    One worker runs tasks one after the other, a second one many light tasks at once. Returns when all of them run; `rq-agent down` ends them. With --listen it prints a command for
    each kind of machine that may join. Once more it tells how it stands; with other options it
    changes what runs.
    """
    from .. import config
    from ..render.screen import Screen
    from ..upkeep.starting import bring_up

    settings = config.load(common)
    return bring_up(settings, options, Screen(settings))


def supervise(common: Common) -> None:
    """Keep running what `up` asked for."""
    from .. import config
    from ..stderr_log import log_to_stderr
    from ..upkeep import supervising

    settings = config.load(common)
    log_to_stderr(verbose=settings.verbose)
    supervising.supervise(settings)
