"""What hosts, and the making of them, ask of all hosts of the worker."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from .calls import Ended, Listener
from .pool import Pool
from .settling import Unsettled

if TYPE_CHECKING:
    from .host import Host


class Owner(Protocol):
    """All hosts of the worker."""

    listener: Listener
    unsettled: Unsettled

    def changed(self, host: "Host") -> None:
        """It takes calls, or calls in it ended."""
        ...

    def placed(self, keys: Iterable[str], host: "Host") -> None:
        """Calls are in a host."""
        ...

    def ended(self, ends: Sequence[Ended]) -> None:
        """Calls ended."""
        ...

    def fill(self, pool: "Pool[Host]") -> None:
        """Give the calls that wait to hosts, or have hosts made."""
        ...

    def new_number(self) -> int:
        """Return the number of a new host."""
        ...

    def add(self, host: "Host", pool: "Pool[Host] | None") -> None:
        """Watch over a host."""
        ...
