"""When the time of a call is over."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from .call import Call

_SOON_S = 1.0


class Deadlines:
    """Most calls end long before; only those that still run a little later get a timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, time_out: Callable[[Call], None]) -> None:
        self._loop = loop
        self._time_out = time_out
        self._young: list[Call] = []

    def add(self, call: Call) -> None:
        """A call with a limit has begun."""
        self._young.append(call)
        if call.timeout_s <= _SOON_S:
            self.arm()

    def arm(self) -> None:
        """Give timers to those that still run. To be called more often than each second."""
        young, self._young = self._young, []
        for call in young:
            if not call.has_ended and call.timer is None:
                left_s = max(0.0, call.started + call.timeout_s - self._loop.time())
                call.timer = self._loop.call_later(left_s, self._time_out, call)
