"""What the system tells the worker: SIGTERM, SIGINT, SIGHUP."""

import logging
import signal
import sys
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskStatus

from ..broker.draining import Draining
from ..broker.errors import BrokerUnavailable
from .endings import StopCause
from .held import HeldTasks
from .signals import Signals

log = logging.getLogger(__name__)

Tell = Callable[[str], Awaitable[bool]]


async def heed(
    tasks: HeldTasks,
    signals: Signals,
    draining: Draining,
    name: str,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Act on signals, forever; started as soon as none is missed."""
    with anyio.open_signal_receiver(*heeded()) as received:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # held back by a restart
        task_status.started()
        async for number in received:
            if number is signal.SIGHUP:
                signals.restart(number.name)
                await _say(draining.restart, name)
            elif signals.draining and not signals.starts_anew:
                log.info("leaving: tasks go back into their places")
                for held in tasks:
                    held.stop(StopCause.RELEASED)
            else:
                signals.drain(f"{number.name}; once more gives the tasks back")
                await _say(draining.drain, name)


def heeded() -> list[signal.Signals]:
    """Return the signals that mean something here.

    SIGHUP starts a service anew. Where it is ignored (`nohup`) it stays so, and on a terminal it
    tells that the terminal is gone, which ends the worker and no task.
    """
    found = [signal.SIGTERM, signal.SIGINT]
    is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return found if is_ignored or sys.stderr.isatty() else [*found, signal.SIGHUP]


async def _say(tell: Tell, name: str) -> None:
    """A parked worker that leaves must not be woken in place of one that would claim."""
    try:
        await tell(name)
    except BrokerUnavailable as e:
        log.warning("%s; leaves all the same", e)
