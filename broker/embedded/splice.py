"""Two connections, each of whose bytes go out on the other.

A side that can't take more stops the reading of the other one, so what lies in between is bounded.
These are protocols and not streams: no task and no copy for each piece.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

_BUFFER_BYTES: Final = 256 * 1024
"""Above this, in one direction, the other side is not read."""
_CLOSING_S: Final = 10.0
"""A side that is closed gets what it was sent, but not for longer."""


class End(asyncio.Protocol):
    """One side. Reads nothing before it is joined with the other."""

    def __init__(self, began: Callable[["End"], None], ended: Callable[["End"], None]) -> None:
        """Args.

        began: called with this end when it has its connection, for TLS after the handshake.
        ended: called when that is gone.
        """
        self.transport: asyncio.Transport
        self._other: End | None = None
        self._began = began
        self._ended = ended
        self._first: Callable[[bytes], None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def join(self, other: "End") -> None:
        """Let bytes flow in both directions."""
        for one, two in ((self, other), (other, self)):
            one._other = two
        for end in (self, other):
            if end.transport.is_closing():  # it was lost before it had another side
                end.eof_received()
            else:
                end.transport.resume_reading()

    def on_first(self, look: Callable[[bytes], None]) -> None:
        """Call `look` with the first piece that comes from this side, after it was sent on."""
        self._first = look

    def close(self) -> None:
        """Send what is buffered, then close; give that up after a while."""
        if not self.transport.is_closing():
            self.transport.close()
            self._after(_CLOSING_S, self.transport.abort)

    def close_after(self, seconds: float) -> None:
        """Close unless keep() is called before."""
        self._after(seconds, self.close)

    def keep(self) -> None:
        """Take close_after() back, if it is not too late."""
        if not self.transport.is_closing():
            self._forget_deadline()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold back until there is another side."""
        transport = cast(asyncio.Transport, transport)  # of a class of its own, with uvloop
        self.transport = transport
        transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        transport.pause_reading()
        self._began(self)

    def data_received(self, data: bytes) -> None:
        """Send on what came."""
        assert self._other is not None, "nothing is read before join()"
        if not self._other.transport.is_closing():
            self._other.transport.write(data)
        if self._first is not None:
            look, self._first = self._first, None
            look(data)

    def eof_received(self) -> None:
        """Close both: TLS of asyncio and of Redis knows no half-closed connection either."""
        self.close()
        if self._other is not None:
            self._other.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other side too."""
        self._forget_deadline()  # a timer would keep the buffers, too
        if self._other is not None:
            self._other.close()
            self._other = None
        self._ended(self)

    def pause_writing(self) -> None:
        """Stop the other side's reading: this one takes no more."""
        if self._other is not None and not self._other.transport.is_closing():
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on from the other side."""
        if self._other is not None and not self._other.transport.is_closing():
            self._other.transport.resume_reading()

    def _after(self, seconds: float, step: Callable[[], object]) -> None:
        self._forget_deadline()
        self._deadline = asyncio.get_running_loop().call_later(seconds, step)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
