"""A task that was submitted, for programs without an event loop."""

from typing import Final, Generic, TypeVar

from anyio.from_thread import BlockingPortal

from ..broker.record import Record
from .handle import Handle

R = TypeVar("R")


class SyncHandle(Generic[R]):
    """One task; the methods are those of Handle, and wait."""

    __slots__ = ("_portal", "id", "waiting")

    def __init__(self, portal: BlockingPortal, handle: Handle[R]) -> None:
        self.waiting: Final = handle
        """The same task on the client's own event loop."""
        self.id: Final = handle.id
        self._portal = portal

    def __repr__(self) -> str:
        return f"<SyncHandle {self.id}>"

    def result(self, timeout: float | None = None) -> R:
        """Return what the function returned, as soon as it has; see Handle.result."""
        return self._portal.call(self.waiting.result, timeout)

    def cancel(self, reason: str = "", *, grace: float | None = None) -> bool:
        """Cancel it; False: it had ended before. See Handle.cancel."""
        return self._portal.call(lambda: self.waiting.cancel(reason, grace=grace))

    def status(self) -> Record:
        """Return all that is known of it now."""
        return self._portal.call(self.waiting.status)

    def logs(self) -> str:
        """Return what its last attempt printed, as far as that is kept."""
        return self._portal.call(self.waiting.logs)
