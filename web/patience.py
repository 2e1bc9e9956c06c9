"""Connections on which nothing is asked for give way: they have no session, and hold room."""

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S: Final = 10.0
"""How long a connection may take for the head of a request, from its begin or the last answer."""


class ImpatientProtocol(H11Protocol):
    """uvicorn's own, which would wait for the rest of a head for ever."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._limit is not None:
            self._limit.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self.loop.call_later(HEAD_S, self._close_if_unasked)

    def _close_if_unasked(self) -> None:
        self._limit = None
        is_asked = self.cycle is not None and not self.cycle.response_complete
        if not is_asked and not self.transport.is_closing():
            self.transport.close()
