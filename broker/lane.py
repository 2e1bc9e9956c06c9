"""One connection on which any number of commands are under way at once, answered in their order.

The ordinary client takes a connection out of its pool for each command and waits on it: twice the
time of a small command, and a connection for each of a thousand tasks that submit at once. Here
the ordinary client connects and logs in (TLS, sentinels, passwords); then its socket is taken over.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

import anyio

from . import client_errors
from .connection import ANSWER_TIMEOUT_S
from .errors import BrokerUnavailable, ReplyLost, ServerReadOnly
from .translated import translated

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.connection import AbstractConnection

_HIGH_BYTES: Final = 4 * 1024 * 1024
"""More than this unsent, and callers wait until there is room."""


class Lane:
    """Runs scripts; has those methods of a client that `Script` calls.

    A call that is cancelled is not taken back: what was sent is done, and its answer is dropped.
    """

    def __init__(self, redis: "Redis", *, block_s: float = 0.0) -> None:
        """Args.

        redis: the client that connects.
        block_s: the longest that a command on it blocks.
        """
        self._redis = redis
        self._answer_s = block_s + ANSWER_TIMEOUT_S
        self.where = str(getattr(redis, "where", "redis"))
        self._user = str(getattr(redis, "user", ""))
        self._socket: _Socket | None = None
        self._opening = asyncio.Lock()
        self._is_over = False

    async def evalsha(self, sha: str, key_count: int, *arguments: Any) -> Any:
        """Run a script that the server knows.

        Raises:
            BrokerUnavailable: see translated.py.
            ReplyLost: the connection broke, or nothing came for ten seconds: it may have run.
        """
        return await self._call(("EVALSHA", sha, key_count, *arguments))

    async def script_load(self, text: str) -> Any:
        """Tell the server a script."""
        return await self._call(("SCRIPT", "LOAD", text))

    async def xread(self, after: Mapping[str, str], *, count: int, block: int | None) -> Any:
        """Read streams as the client does; what is sent behind a read that blocks waits for it."""
        blocking = ("BLOCK", block) if block else ()
        command = ("XREAD", "COUNT", count, *blocking, "STREAMS", *after, *after.values())
        reply = await self._call(command)
        found = reply.items() if isinstance(reply, dict) else reply or ()
        return [(key, [(at, _pairs(fields)) for at, fields in entries]) for key, entries in found]

    def pipeline(self, *, transaction: bool) -> "LanePipeline":
        """Return calls that are sent together; `transaction` can't be asked for."""
        assert not transaction
        return LanePipeline(self._call)

    def close(self) -> None:
        """Close the connection; calls that wait fail, and so do later ones."""
        self._is_over = True
        if self._socket is not None:
            self._socket.abort("the client was closed")
            self._socket = None

    def drop(self) -> None:
        """Close the connection; calls that wait fail, and the next one connects anew."""
        if self._socket is not None:
            self._socket.abort("the connection was given up")

    async def _call(self, command: tuple[Any, ...]) -> Any:
        socket = self._socket
        if socket is None or socket.is_closed:
            socket = await self._connected()
        if socket.room is not None:
            await socket.room.wait()
        try:
            reply = await socket.send(command)
        except RuntimeError as e:  # of a socket that was reset a moment before
            reply = e
        if isinstance(reply, Exception):
            self._raise(reply, socket, str(command[0]))
        return reply

    def _raise(self, error: Exception, socket: "_Socket", command: str) -> NoReturn:
        """Raise our error for one of the client's."""
        try:
            with translated(self.where, user=self._user, command=command):
                raise error
        except ServerReadOnly:  # the next connection may find the primary
            socket.abort("it is a replica")
            raise

    async def _connected(self) -> "_Socket":
        async with self._opening:
            if self._is_over:
                raise BrokerUnavailable(
                    f"cannot reach redis at {self.where}: the client was closed"
                )
            if self._socket is not None and self._socket.is_closed:
                closed, self._socket = self._socket, None
                await _given_back(self._redis, closed.connection)
            if self._socket is None:
                taken = _taken_over(self._redis, self.where, self._user, self._answer_s)
                self._socket = await taken
            return self._socket


class LanePipeline:
    """Calls that are sent together; others may come in between."""

    def __init__(self, call: Callable[[tuple[Any, ...]], Coroutine[Any, Any, Any]]) -> None:
        self._call = call
        self._commands: list[tuple[Any, ...]] = []

    def script_load(self, text: str) -> None:
        """Tell the server a script."""
        self._commands.append(("SCRIPT", "LOAD", text))

    def evalsha(self, sha: str, key_count: int, *arguments: Any) -> None:
        """Run a script."""
        self._commands.append(("EVALSHA", sha, key_count, *arguments))

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Return the answers; raise the first error when all have come.

        Without `raise_on_error` those that met a script which the server does not know are errors.
        """
        calls = map(self._call, self._commands)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and (
                raise_on_error or not isinstance(answer, client_errors.NoScriptError)
            ):
                raise answer
        return answers


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


async def _taken_over(redis: "Redis", where: str, user: str, answer_s: float) -> "_Socket":
    """Return the socket of a connection that is logged in."""
    with translated(where, user=user):
        pool = redis.connection_pool
        connection: AbstractConnection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            transport = connection._writer.transport  # type: ignore[union-attr]
        except AttributeError as e:
            await pool.release(connection)
            raise BrokerUnavailable(f"cannot reach redis at {where}: {e}") from e
    return _Socket(transport, connection, where, answer_s)


async def _given_back(redis: "Redis", connection: "AbstractConnection") -> None:
    """Let the pool have a connection that was lost: it lends out only so many."""
    await connection.disconnect(nowait=True)
    with contextlib.suppress(KeyError):  # the pool forgot it: it was closed meanwhile
        await redis.connection_pool.release(connection)


class _Socket(asyncio.Protocol):
    """What came for what was sent, in order."""

    def __init__(
        self, transport: Any, connection: "AbstractConnection", where: str, answer_s: float
    ) -> None:
        import hiredis
        from redis._parsers.base import BaseParser

        self._transport = transport
        # Kept: it closes its socket when nobody has it any more.
        self.connection = connection
        self._before = transport.get_protocol()
        self._where = where
        self._answer_s = answer_s
        self._pack = hiredis.pack_command
        self._nonsense = hiredis.HiredisError
        self._reader = hiredis.Reader(replyError=BaseParser.parse_error)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._loop = asyncio.get_running_loop()
        self._alarm: asyncio.TimerHandle | None = None
        self._answered_s = 0.0
        self.room: anyio.Event | None = None
        """Set as soon as there is room for more; None: there is."""
        self.is_closed = False
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=_HIGH_BYTES)
        if not transport.is_reading():
            transport.resume_reading()

    def send(self, command: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """Send a command; return what will be its answer, or the error that the server says."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self.is_closed:  # while the caller waited for room
            answer.set_exception(self._lost("the connection was lost"))
            return answer
        data = self._packed(command)  # first: who fails here must not wait for an answer
        if not self._waiting:
            self._answered_s = self._loop.time()  # before this, nobody waited
        self._waiting.append(answer)
        self._transport.write(data)
        if self._alarm is None:
            self._alarm = self._loop.call_later(self._answer_s, self._look_at_clock)
        return answer

    def _packed(self, command: tuple[Any, ...]) -> bytes:
        try:
            return bytes(self._pack(command))
        except (TypeError, UnicodeEncodeError):  # what C does not take, the client's own way does
            return b"".join(self.connection.pack_command(*command))

    def abort(self, why: str) -> None:
        """Close the connection at once; who waits for an answer is told why none comes."""
        self.is_closed = True
        self._transport.abort()
        self._give_up(why)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self._answered_s = self._loop.time()
        try:
            while (reply := self._reader.gets()) is not False:
                answer = self._waiting.popleft()
                if not answer.done():  # else who asked has gone
                    answer.set_result(reply)
        except (self._nonsense, IndexError) as e:  # no redis says that, or unasked
            self.abort(f"it answers what can't be understood: {e}")

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        self._before.connection_lost(error)  # who closes the connection waits for that
        self._give_up(f"the connection was lost{f': {error}' if error else ''}")

    def pause_writing(self) -> None:
        self.room = anyio.Event()

    def resume_writing(self) -> None:
        if self.room is not None:
            self.room.set()
            self.room = None

    def _look_at_clock(self) -> None:
        """Give up a server that has said nothing for too long while somebody waited."""
        self._alarm = None
        if not self._waiting:
            return
        left_s = self._answered_s + self._answer_s - self._loop.time()
        if left_s > 0:
            self._alarm = self._loop.call_later(left_s, self._look_at_clock)
        else:
            self.abort("no answer in time")

    def _give_up(self, why: str) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self.resume_writing()
        while self._waiting:
            if not (answer := self._waiting.popleft()).done():
                answer.set_exception(self._lost(why))

    def _lost(self, why: str) -> ReplyLost:
        return ReplyLost(f"cannot reach redis at {self._where}: {why}")
