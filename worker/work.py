"""`rq-agent work`: a supervisor on its connections."""

import logging
from collections.abc import Callable

from ..broker.worker_connections import worker_connections
from .config import WorkerConfig
from .mailbox import BLOCK_MS
from .signals import Signals
from .supervisor import Supervisor

log = logging.getLogger(__name__)


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
        BrokerUnavailable: there was no usable Redis at the start; later it is waited for.
        RqAgentError: another live worker on this machine has the name.
    """
    signals = signals or Signals()
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
