"""The tick of the whole namespace, run by the one worker that the heartbeat elected."""

import logging
import time

import anyio

from ..broker.errors import BrokerUnavailable
from ..broker.ticks import Ticks
from .heartbeat import Heartbeat

log = logging.getLogger(__name__)

_EVERY_S = 1.0
_TICKS_A_LEASE = 20
"""With what beat.lua and the heartbeat add, two ticks are less than half a lease apart even if the
one that ticks dies. After a longer gap tick.lua takes nobody for dead."""
_SHARE = 0.2
"""Most of the server's time that ticking may take when there is much to do."""


async def tick_while_elected(heartbeat: Heartbeat, ticks: Ticks, *, lease_ms: int) -> None:
    """Tick once a second while elected, more often for short leases; at once if there is more."""
    every_s = min(_EVERY_S, lease_ms / 1000 / _TICKS_A_LEASE)
    while True:
        await heartbeat.ticker.wait()
        started_s = time.monotonic()
        try:
            ticked = await ticks.tick(lease_ms=lease_ms)
        except BrokerUnavailable as e:
            log.debug("tick: %s", e)
            await anyio.sleep(every_s)
            continue
        took_s = time.monotonic() - started_s
        await anyio.sleep(took_s * (1 / _SHARE - 1) if ticked.more else every_s)
