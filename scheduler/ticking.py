"""The tick of a namespace, so that time goes on without any worker."""

import logging
import time
from typing import Final, NoReturn

import anyio

from ..broker.errors import BrokerUnavailable
from ..broker.ticks import Ticks
from .pacing import rest_s
from .troubles import Troubles

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
_SHARE: Final = 0.2


async def tick_forever(ticks: Ticks, *, lease_ms: int, every_s: float = EVERY_S) -> NoReturn:
    """Tick once a second; at once again while there is more. Workers may tick too: no harm."""
    troubles = Troubles(log, "tick")
    while True:
        started_s = time.monotonic()
        try:
            ticked = await ticks.tick(lease_ms=lease_ms)
        except BrokerUnavailable as e:
            troubles.met(e)
            await anyio.sleep(every_s)
            continue
        troubles.over()
        took_s = time.monotonic() - started_s
        await anyio.sleep(rest_s(took_s, more=ticked.more, idle_s=every_s, share=_SHARE))
