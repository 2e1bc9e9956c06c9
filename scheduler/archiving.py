"""Lets final tasks go: first into the archive, later out of Redis.

Any number of processes may do both at once: collect.lua gives a task to one of them at a time,
and purge.lua takes only what the archive has.
"""

import logging
import time
from typing import Final, NoReturn

import anyio

from ..broker.archive.writing import Writer
from ..broker.errors import ArchiveUnavailable, BrokerUnavailable
from ..broker.pacing import next_limit
from ..broker.purging import PURGED, Purging
from .pacing import rest_s
from .troubles import Troubles

log = logging.getLogger(__name__)

WRITE_EVERY_S: Final = 30.0
"""Rest of the archiver when it has all: what ends meanwhile shares a segment."""
PURGE_EVERY_S: Final = 2.0
_RETRY_S: Final = 10.0
_WRITE_SHARE: Final = 0.9
"""Most of that time is the archive's and our own, not the server's."""


async def write_forever(writer: Writer, *, every_s: float = WRITE_EVERY_S) -> NoReturn:
    """Archive what ended. A full disk or a missing store is told and waited for."""
    of_redis, of_archive = Troubles(log, "archiver"), Troubles(log, "archiver")
    while True:
        started_s = time.monotonic()
        try:
            written = await writer.write()
        except (ArchiveUnavailable, BrokerUnavailable) as e:
            (of_archive if isinstance(e, ArchiveUnavailable) else of_redis).met(e)
            await anyio.sleep(min(every_s, _RETRY_S))
            continue
        of_redis.over()
        if written.tasks:  # else nothing was tried
            of_archive.over()
            log.debug("archived %d tasks", written.tasks)
        took_s = time.monotonic() - started_s
        await anyio.sleep(rest_s(took_s, more=written.more, idle_s=every_s, share=_WRITE_SHARE))


async def purge_forever(purging: Purging, *, every_s: float = PURGE_EVERY_S) -> NoReturn:
    """Remove what is due and archived, in calls that are short enough for claims in between."""
    troubles = Troubles(log, "purge")
    limit = PURGED
    while True:
        started_s = time.monotonic()
        try:
            purged = await purging.purge(limit)
        except BrokerUnavailable as e:
            troubles.met(e)
            await anyio.sleep(min(every_s, _RETRY_S))
            continue
        troubles.over()
        took_s = time.monotonic() - started_s
        limit = next_limit(limit, took_s, most=PURGED)
        await anyio.sleep(rest_s(took_s, more=purged.more, idle_s=every_s))
