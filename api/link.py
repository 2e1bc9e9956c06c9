"""What a client needs of a server: connections, a script, a key. Closed as a whole."""

from collections.abc import Callable

import msgspec

from ..broker.keypair import KeyPair
from ..broker.lane import Lane
from ..broker.namespace import Namespace
from ..broker.scripts import Script
from ..broker.waiting import BLOCK_S
from . import opening


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An open connection to one namespace."""

    namespace: Namespace
    enqueue: Script
    """enqueue.lua on a connection that all callers share."""
    blocking: Callable[[], Namespace]
    """Makes one on a connection of its own, for reads that wait; its client has to be closed."""
    pair: KeyPair
    """Who signs."""
    queue: str
    """Where tasks go that name none."""
    user: str
    lane: Lane | None = None

    async def close(self) -> None:
        """Close the connections that are its own."""
        if self.lane is not None:
            self.lane.close()
        await self.namespace.redis.aclose()


async def linked(*, url: str | None, namespace: str | None, context: str | None) -> Link:
    """Connect as the terminal would; see opening.py for the errors."""
    found = await opening.settle(url=url, namespace=namespace, context=context)
    opened = await opening.connect(found)
    lane = Lane(opened.redis)
    return Link(
        namespace=opened,
        # A lane has those methods of a client that a script calls.
        enqueue=Script(lane, opened.prefix, opened.scripts.enqueue.text),  # type: ignore[arg-type]
        blocking=lambda: opening.connect_blocking(found, block_s=BLOCK_S),
        pair=found.pair,
        queue=found.queue,
        user=found.user,
        lane=lane,
    )
