"""Opens the private socket of the server to a network: ends TLS, and passes bytes on.

Who may what is decided by the server behind it. Here, strangers are kept from holding what others
need: until they have logged in they get seconds, and the oldest of too many makes room.
"""

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import anyio

from ..url_members import host_and_port
from . import listening
from .certificate import Certificate
from .splice import End
from .trouble import Trouble

_log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 4_000
GREETING_S: Final = 10.0
"""Until the TLS handshake is done, and once more until the server has accepted a login."""
_MOST_GREETING: Final = 512
_PLAIN_TEXT: Final = b"-ERR this port speaks TLS only: use the link that rq-agent up printed\r\n"
_TLS_HANDSHAKE: Final = b"\x16"
"""First byte of every connection that speaks TLS."""
_DISCARDED_BYTES: Final = 64 * 1024
_GOODBYE_S: Final = 1.0
_NO_DESCRIPTOR_S: Final = 0.2
_OWN_DESCRIPTORS: Final = 64

Places = Sequence[tuple[str, int]]


async def serve(
    host: str,
    port: int,
    socket_path: Path,
    certificate: Certificate,
    *,
    ready: Callable[[Places], None] = lambda places: None,
    most_connections: int = MOST_CONNECTIONS,
) -> None:
    """Relay until cancelled. The server may come, go and come again meanwhile.

    Args:
        host: to listen on: an address of this machine, or a name for some.
        port: 0 is any free one.
        socket_path: of the server.
        certificate: that clients are told to recognise.
        ready: called with address and port of what is listened on.
        most_connections: further ones are closed at once.

    Raises:
        UsageError: it can't listen there.
    """
    sockets = await anyio.to_thread.run_sync(listening.listen, host, port)
    most = min(most_connections, _room_for_descriptors(2 * most_connections) // 2)
    relay = _Relay(socket_path, _context(certificate), most)
    try:
        async with anyio.create_task_group() as group:
            for each in sockets:
                group.start_soon(relay.accept, each)
            ready([listening.place(each) for each in sockets])
    finally:
        listening.close_all(sockets)
        relay.abort()


class _Relay:
    def __init__(self, socket_path: Path, context: ssl.SSLContext, most: int) -> None:
        self._socket_path = str(socket_path)
        self._context = context
        self._most = most
        self._trouble = Trouble(_log)
        self._greeting: dict[socket.socket, anyio.CancelScope] = {}
        """Who has not shaken hands yet, oldest first."""
        self._ends: set[End] = set()

    async def accept(self, listening_socket: socket.socket) -> None:
        """Take connections until cancelled."""
        loop = asyncio.get_running_loop()
        async with anyio.create_task_group() as group:
            while True:
                try:
                    accepted, address = await loop.sock_accept(listening_socket)
                except OSError as e:  # no descriptor left, or the peer is gone again
                    self._trouble.tell("can't take a connection", e.strerror or str(e))
                    await anyio.sleep(_NO_DESCRIPTOR_S)
                    continue
                if len(self._greeting) + len(self._ends) // 2 >= self._most:
                    accepted.close()
                    self._trouble.tell("too many connections", f"{self._most}; one was closed")
                    continue
                group.start_soon(self._greet, accepted, host_and_port(*address[:2]))

    def abort(self) -> None:
        """End all connections."""
        for end in list(self._ends):
            end.transport.abort()

    async def _greet(self, accepted: socket.socket, peer: str) -> None:
        """Shake hands with a stranger, then join it with the server."""
        listening.prepare(accepted)
        if len(self._greeting) >= _MOST_GREETING:
            next(iter(self._greeting.values())).cancel()
        client = None
        with anyio.move_on_after(GREETING_S) as scope:
            self._greeting[accepted] = scope
            try:
                client = await self._shake_hands(accepted, peer)
            except OSError as e:  # ssl.SSLError is one
                self._trouble.tell("a connection broke before its login", f"{peer}: {_reason(e)}")
            finally:
                del self._greeting[accepted]
        if scope.cancelled_caught:
            self._trouble.tell("no TLS handshake in time", peer)
        if client is not None:
            await self._join(client)

    async def _shake_hands(self, accepted: socket.socket, peer: str) -> End | None:
        """Return the client's side, or None if it is none."""
        with ExitStack() as undo:
            undo.callback(accepted.close)
            await anyio.wait_readable(accepted)
            first = accepted.recv(1, socket.MSG_PEEK)
            if first and first != _TLS_HANDSHAKE:
                self._trouble.tell("not TLS", f"{peer} was told so")
                await _refuse_plain_text(accepted)
            if first != _TLS_HANDSHAKE:
                return None
            undo.pop_all()  # from here on a transport owns it
        client = self._new_end()
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: client, accepted, ssl=self._context, ssl_handshake_timeout=GREETING_S
        )
        return client

    async def _join(self, client: End) -> None:
        loop, server = asyncio.get_running_loop(), self._new_end()
        try:
            await loop.create_unix_connection(lambda: server, self._socket_path)
        except OSError as e:
            self._trouble.tell("no server behind", f"{self._socket_path}: {e.strerror or e}")
            client.close()
            return
        client.close_after(GREETING_S)

        def look(reply: bytes) -> None:
            client.keep() if is_login(reply) else client.close()

        server.on_first(look)
        client.join(server)

    def _new_end(self) -> End:
        return End(self._ends.add, self._ends.discard)


def is_login(reply: bytes) -> bool:
    """Return whether the server's first reply is one to somebody whom it let in. Pure.

    To all others it says an error, or `+RESET`.
    """
    return not reply.startswith((b"-", b"+RESET"))


async def _refuse_plain_text(accepted: socket.socket) -> None:
    """Say what is wrong, and wait for the end: a close with unread bytes would take it back."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(accepted, _PLAIN_TEXT)
    accepted.shutdown(socket.SHUT_WR)
    discarded = 0
    with anyio.move_on_after(_GOODBYE_S):
        while discarded < _DISCARDED_BYTES and (piece := await loop.sock_recv(accepted, 4096)):
            discarded += len(piece)


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # nobody resumes
    context.load_cert_chain(certificate.pem_path, certificate.key_path)
    return context


def _room_for_descriptors(wanted: int) -> int:
    """Raise this process' limit of open files as far as it goes; return how many are left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted += _OWN_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - _OWN_DESCRIPTORS


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or str(error) or type(error).__name__
