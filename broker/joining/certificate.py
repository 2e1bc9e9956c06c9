"""Is it the right server? Asked before anything is said to it."""

import errno
import hashlib
import hmac
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import anyio
from anyio.streams.tls import TLSAttribute

from ..errors import AccessDenied, BrokerRefused, BrokerUnavailable
from .link import JoinLink, encoded

_TIMEOUT_S: Final = 10.0
_SHOWN: Final = 12


async def fetch(link: JoinLink) -> str:
    """Return the certificate (PEM) of the server that a link names, if it is the right one.

    Only the handshake of TLS goes over the wire: nothing is said to a server that is another one.

    Raises:
        AccessDenied: another server answers there, or somebody sits in between.
        BrokerRefused: something else than TLS is spoken there.
        BrokerUnavailable: nobody answers there.
    """
    try:
        with anyio.fail_after(_TIMEOUT_S):
            der = await _shown_by(link)
    except TimeoutError:
        raise BrokerUnavailable(
            f"no answer from {link.place} within {_TIMEOUT_S:.0f} s: is the address right, does a "
            "firewall let it through, and does it speak TLS?"
        ) from None
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError) as e:
        raise _translated(e, link) from e
    _check(der, link)
    return ssl.DER_cert_to_PEM_cert(der)


async def _shown_by(link: JoinLink) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the fingerprint is compared instead
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    stream = await anyio.connect_tcp(
        link.host, link.port, tls=True, ssl_context=context, tls_standard_compatible=False
    )
    try:
        der: bytes | None = stream.extra(TLSAttribute.peer_certificate_binary)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.aclose_forcefully(stream)
    if not der:
        raise anyio.EndOfStream
    return der


def _check(der: bytes, link: JoinLink) -> None:
    found = hashlib.sha256(der).digest()
    if not hmac.compare_digest(found, link.fingerprint):
        raise AccessDenied(
            f"the server at {link.place} shows another certificate ({encoded(found)[:_SHOWN]}...) "
            f"than the link names ({encoded(link.fingerprint)[:_SHOWN]}...): the link is old, the "
            "address belongs to another server, or somebody sits in between; nothing was sent to it"
        )


def _translated(error: Exception, link: JoinLink) -> BrokerUnavailable:
    """Return our error for what went wrong before the certificate was seen. Pure."""
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return BrokerUnavailable(f"no host is named {link.host} here")
            case ConnectionRefusedError():
                return BrokerUnavailable(
                    f"nobody listens at {link.place}: is `rq-agent up --listen` running there?"
                )
            case ssl.SSLError():
                return BrokerRefused(
                    f"what answers at {link.place} does not speak TLS ({cause.reason}): a plain "
                    "Redis, or another service; take the port that `rq-agent up` printed"
                )
            case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
                return BrokerUnavailable(f"no way to {link.place} from this network")
            case anyio.EndOfStream() | anyio.BrokenResourceError() | ConnectionError():
                return BrokerRefused(
                    f"what answers at {link.place} hung up instead of speaking TLS: another service?"
                )
    return BrokerUnavailable(f"cannot reach {link.place}: {error}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and whatever led to it, also the members of groups, the innermost first."""
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _causes(member)
    if (link := error.__cause__ or error.__context__) is not None:
        yield from _causes(link)
    yield error
