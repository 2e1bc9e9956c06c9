"""The clock that tells how long something really took: it goes on while the machine is suspended."""

import os
import sys
import time

_ON_LINUX = sys.platform == "linux"


def now_s() -> float:
    """Return seconds since the machine started; elsewhere than on Linux since the epoch."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if _ON_LINUX else time.time()


def of_ticks(started_ticks: int) -> float:
    """Return when a process started, from what identity.started_ticks() says of it."""
    return started_ticks / (os.sysconf("SC_CLK_TCK") if _ON_LINUX else 100)
