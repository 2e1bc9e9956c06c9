"""`rq-agent work`: a supervisor on its connections."""

import gc
import logging
from collections.abc import Callable

import anyio

from ..broker.errors import BrokerUnavailable
from ..broker.worker_connections import worker_connections
from .config import WorkerConfig
from .mailbox import BLOCK_MS
from .naming import folder_of
from .outage import Waiting
from .process.journal import count_open
from .services.host_folder import is_any_alive
from .signals import Signals
from .supervisor import Supervisor

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_SEARCH_AFTER = 20_000
"""Objects that were made until cycles among them are looked for: light tasks make many, and none."""


async def work(
    config: WorkerConfig,
    *,
    url: str,
    namespace: str,
    ready: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = log.warning,
    signals: Signals | None = None,
) -> int:
    """Work until drained. Return how many tasks ended here.

    Args:
        config: what the worker is told.
        url: of Redis.
        namespace: in it.
        ready: called when the worker is about to claim.
        warn: told what is worth knowing about the server.
        signals: of this worker; tell afterwards whether it is to start anew.

    Raises:
        BrokerUnavailable: there was no usable Redis at the start, and no task of an earlier
            session to go on with; else, and later, it is waited for.
        RqAgentError: another live worker on this machine has the name.
    """
    signals = signals or Signals()
    if config.services:
        gc.set_threshold(_SEARCH_AFTER, *gc.get_threshold()[1:])
    folder = folder_of(config.home, config.name)
    left_running, left_hosts = count_open(folder), is_any_alive(folder / "hosts")
    signals.outage.waiting = lambda: Waiting(running=left_running)
    while True:
        try:
            return await _session(
                config, signals, url=url, namespace=namespace, ready=ready, warn=warn
            )
        except BrokerUnavailable as e:
            if not left_running and not left_hosts:
                raise
            if not signals.outage.is_away:
                tasks = "a task" if left_running == 1 else f"{left_running} tasks"
                tasks = tasks if left_running else "hosts of light tasks"
                log.warning("an earlier session left %s running; waiting for redis", tasks)
            signals.outage.missed(e)
        await anyio.sleep(_RETRY_S)


async def _session(
    config: WorkerConfig,
    signals: Signals,
    *,
    url: str,
    namespace: str,
    ready: Callable[[], None],
    warn: Callable[[str], None],
) -> int:
    async with worker_connections(
        url,
        namespace,
        lease_ms=config.lease_ms,
        beat_ms=config.beat_ms,
        block_ms=BLOCK_MS,
        on_greeting=signals.redis_greeted,
        on_restart=signals.redis_restarted,
        warn=warn,
        note=log.info,
        strict=config.strict,
    ) as (answering, blocking):
        return await Supervisor(config, answering, blocking, signals).run(ready=ready)
