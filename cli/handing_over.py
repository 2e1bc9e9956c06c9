"""Which tasks a worker hands over when it leaves, so that it need not wait for them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..broker import restarts
from ..broker.lookups import Lookups
from ..broker.presence import WorkerView

if TYPE_CHECKING:
    from ..broker.keys import TaskId
    from ..broker.namespace import Namespace

_AT_ONCE: Final = 500
_LISTED: Final = 3


async def lasting_of(namespace: "Namespace", workers: Sequence[WorkerView]) -> "list[TaskId]":
    """Return the services with a restart policy that workers run."""
    running = [i for worker in workers if worker.services for i in worker.running]
    found = []
    for begin in range(0, len(running), _AT_ONCE):
        records = await Lookups(namespace).records(running[begin : begin + _AT_ONCE])
        found += [
            record.id
            for record in records
            if record.needs.light and restarts.decode(record.retry) is not None
        ]
    return found


def handing_over(lasting: "Sequence[TaskId]") -> str:
    """Return what becomes of services. Pure."""
    more = f" and {len(lasting) - _LISTED} more" if len(lasting) > _LISTED else ""
    named = ", ".join(lasting[:_LISTED]) + more
    services, they = ("service", "it goes") if len(lasting) == 1 else ("services", "they go")
    places = "its place" if len(lasting) == 1 else "their places"
    return f"{services} {named}: {they} back into {places}, and on when a worker runs again"
