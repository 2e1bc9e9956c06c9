"""Opens the port of the relay, and sets what its connections need of the kernel."""

import errno
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ..errors import UsageError
from ..url_members import host_and_port

_BACKLOG: Final = 512
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 3}
"""Seconds, and tries: a machine that vanished is noticed after two minutes."""
_UNANSWERED_MS: Final = 120_000


def listen(host: str, port: int) -> list[socket.socket]:
    """Return one listening socket for each address of a host; port 0 is any free one.

    `::` means IPv4 too, as far as the machine has both.

    Raises:
        UsageError: taken, not of this machine, or not allowed; names the place.
    """
    opened: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            # What was not on this machine at port 0 gets the same port on all addresses.
            taken = opened[0].getsockname()[1] if opened and not port else address[1]
            opened.append(_listen(family, (address[0], taken, *address[2:]), is_any=host == "::"))
    except OSError as e:
        close_all(opened)
        raise UsageError(_words(host, port, e)) from e
    return opened


def place(listening: socket.socket) -> tuple[str, int]:
    """Return address and port of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return host, port


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Close sockets."""
    for each in sockets:
        each.close()


def prepare(accepted: socket.socket) -> None:
    """Make an accepted connection quick, and let the kernel notice a peer that vanished."""
    accepted.setblocking(False)
    with suppress(OSError):  # it may be gone already
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                accepted.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNANSWERED_MS)


def _addresses(host: str, port: int) -> list[tuple[int, tuple[str, int, *tuple[int, ...]]]]:
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
    )
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))  # type: ignore[misc]


def _listen(
    family: int, address: tuple[str, int, *tuple[int, ...]], *, is_any: bool
) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if is_any else 1)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _words(host: str, port: int, error: OSError) -> str:
    where = host_and_port(host, port)
    if isinstance(error, socket.gaierror):
        return f"can't listen on {where}: this machine knows no address of the name {host}"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"can't listen on {where}: another program has that port; stop it, or choose "
                "another port"
            )
        case errno.EADDRNOTAVAIL:
            return f"can't listen on {where}: that is no address of this machine; see `ip addr`"
        case errno.EACCES | errno.EPERM:
            return f"can't listen on {where}: this user may not; choose a port from 1024 on"
    return f"can't listen on {where}: {error.strerror or error}"
