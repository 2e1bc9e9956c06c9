"""`rq-agent scheduler`: the loops of a namespace that no single worker does."""

import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
from anyio.abc import TaskStatus

from ..broker import keys
from ..broker.archive.location import open_store
from ..broker.archive.writing import Writer
from ..broker.connection import connect
from ..broker.firing import Firing
from ..broker.greeting import Greeting
from ..broker.keypair import KeyPair
from ..broker.keyrings import Keyrings, follow
from ..broker.namespace import Namespace
from ..broker.purging import Purging
from ..broker.schedules import Schedules
from ..broker.server_facts import check_server
from ..broker.ticks import Ticks
from ..broker.trust import TrustFile
from .archiving import purge_forever, write_forever
from .config import SchedulerConfig
from .cron import fire_forever
from .ticking import tick_forever

log = logging.getLogger(__name__)

NO_ARCHIVE = (
    "no archive is set, so finished tasks stay in Redis for good: give --archive, "
    "RQ_AGENT_ARCHIVE, or [archive] location in config.toml"
)


async def schedule(
    config: SchedulerConfig,
    *,
    url: str,
    namespace: str,
    pair: KeyPair,
    trust: TrustFile,
    ready: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = log.warning,
) -> None:
    """Run all loops until SIGTERM or SIGINT. Any number of processes may do so at once.

    Args:
        config: what it is told.
        url: of Redis.
        namespace: in it.
        pair: signs the tasks of schedules; workers must trust it.
        trust: whose schedules are fired.
        ready: called when the loops run.
        warn: told what is worth knowing about the server and the archive.

    Raises:
        BrokerUnavailable: there was no usable Redis at the start; later it is waited for.
        UsageError: the archive's location names no store.
    """
    store = open_store(config.archive) if config.archive else None
    async with _connected(config, url, namespace, warn) as ns, anyio.create_task_group() as tg:
        await tg.start(_cancel_on_signal, tg.cancel_scope)
        tg.start_soon(partial(tick_forever, Ticks(ns), lease_ms=config.lease_ms))
        keyrings = Keyrings(ns, trust)
        await keyrings.look()  # before anything is fired that a key signed which is revoked
        tg.start_soon(follow, keyrings)
        tg.start_soon(fire_forever, Firing(ns, pair, trust), Schedules(ns))
        if store is None:
            warn(NO_ARCHIVE)
        else:
            tg.start_soon(partial(write_forever, Writer(ns, store), every_s=config.write_every_s))
            tg.start_soon(partial(purge_forever, Purging(ns), every_s=config.purge_every_s))
        ready()


@asynccontextmanager
async def _connected(
    config: SchedulerConfig, url: str, namespace: str, warn: Callable[[str], None]
) -> AsyncIterator[Namespace]:
    """Connect; every new connection says hello, so that an outage is no worker's death."""
    greeting = Greeting(
        keys.prefix(namespace),
        lease_ms=config.lease_ms,
        beat_ms=config.beat_ms,
        on_restart=lambda: log.info("another Redis process answers than before"),
    )
    redis = connect(url, namespace=namespace, greet=greeting.greet)
    try:
        facts = await check_server(redis, url)
        for warning in facts.warnings:
            warn(warning)
        yield await Namespace.open(redis, namespace)
    finally:
        with anyio.CancelScope(shield=True):
            await redis.aclose()


async def _cancel_on_signal(
    scope: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        async for _ in received:
            scope.cancel()
            return
