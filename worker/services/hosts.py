"""All hosts of one worker: finds a host for each call, and starts, replaces and ends hosts."""

from collections.abc import Sequence

from anyio.abc import TaskGroup

from ..endings import StopCause
from .calls import Call, HostPlan, HostTools, HostView, Listener, Running


class Hosts:
    """One per worker with `--services`. Only find() and retire() wait for anything."""

    def __init__(self, tools: HostTools, listener: Listener, group: TaskGroup) -> None:
        """`group` runs what watches the hosts. Cancelled, the hosts themselves go on."""
        self._tools = tools
        self._listener = listener
        self._group = group

    def call(self, plan: HostPlan, calls: Sequence[Call]) -> None:
        """Have calls run. What goes wrong comes back as their end, also that no host can be made.

        Args:
            plan: of the host.
            calls: those with one key.
        """
        raise NotImplementedError

    def cancel(
        self, key: str, cause: StopCause, *, grace_s: float | None = None, reason: str = ""
    ) -> None:
        """Ask one call to stop; may be asked again with a shorter grace. It ends as usual.

        Args:
            key: of the call. One that is not known, or has ended, is left out.
            cause: LOST: its end must not be reported; it comes as RELEASE.
            grace_s: None: the call's own.
            reason: for its end; empty: the cause.
        """
        raise NotImplementedError

    def settled(self, keys: Sequence[str]) -> None:
        """Note that the ends of calls are safe in Redis: nobody needs the reports about them."""
        raise NotImplementedError

    async def find(self) -> list[Running]:
        """Go on with the hosts that earlier sessions of this worker left.

        The listener hears, before this returns, of calls that ended meanwhile and were perhaps
        never told: with their note, and with a key that was never called here. What a host lost
        that died as well is in no list: two beats give it back.
        """
        raise NotImplementedError

    def views(self) -> list[HostView]:
        """Return the hosts that run, oldest first."""
        raise NotImplementedError

    async def retire(self) -> None:
        """End the hosts, when nothing runs any more. Returns when they are gone."""
        raise NotImplementedError

    def let_go(self) -> None:
        """Leave the hosts as they are, for the next session of the worker."""
        raise NotImplementedError
