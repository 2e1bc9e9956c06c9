"""Which open client `fn.submit` goes to."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..api.client import Client

_here: ContextVar[Client | None] = ContextVar("rq_agent_client", default=None)
_open: list[Client] = []
"""Of the whole process, the one opened last at the end: what a web server opens when it starts
is not seen in the context of a request."""


def opened(client: Client) -> None:
    """Make a client the one that tasks started from here go to."""
    _open.append(client)
    _here.set(client)


def closed(client: Client) -> None:
    """Forget a client."""
    if client in _open:
        _open.remove(client)


def current() -> Client:
    """Return the client opened in this context; else the one opened last in this process.

    Raises:
        RuntimeError: there is none; says how to open one.
    """
    here = _here.get()
    if here is not None and here in _open:
        return here
    if _open:
        return _open[-1]
    raise RuntimeError(
        "there is no open client: write `async with rq_agent.Client():` around this;"
        " without asyncio, use rq_agent.SyncClient"
    )
