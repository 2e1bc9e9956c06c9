"""What an error of the Redis client means to us, in words that say what to do. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from . import client_errors as client
from .denials import denial, is_denial_in_script
from .errors import (
    AccessDenied,
    BrokerRefused,
    BrokerUnavailable,
    CertificateExpired,
    KeyMisused,
    ReplyLost,
    ServerReadOnly,
)
from .refused_logins import refusal

_Kind = type[BrokerUnavailable]

_WRONG_LOGIN: Final = refusal("")
_BY_CODE: Final[Mapping[str, tuple[_Kind, str]]] = {
    "OOM": (
        BrokerRefused,
        "is out of memory and takes nothing new: raise its maxmemory or purge finished tasks",
    ),
    "READONLY": (ServerReadOnly, "is a read-only replica: connect to its primary"),
    "MISCONF": (BrokerRefused, "can't write to its disk: free space there, see the server's log"),
    "WRONGTYPE": (
        KeyMisused,
        "holds something else under a key of rq-agent: another program writes to this namespace",
    ),
    "NOREPLICAS": (BrokerRefused, "has too few replicas to accept writes"),
    "MOVED": (BrokerRefused, "is a cluster node without this namespace's keys: use the URL of"),
    "ASK": (BrokerUnavailable, "is moving this namespace's keys to another cluster node"),
    "DENIED": (AccessDenied, "is in protected mode: give it a password, or connect from its host"),
    "NOAUTH": (AccessDenied, "asks for a password: redis://user:password@host:port/0"),
    "WRONGPASS": (AccessDenied, _WRONG_LOGIN),
    "LOADING": (BrokerUnavailable, "is still loading its data: try again in a moment"),
    "BUSY": (BrokerUnavailable, "is busy with a script that runs too long"),
    "CLUSTERDOWN": (BrokerUnavailable, "is in a cluster that is down"),
    "MASTERDOWN": (BrokerUnavailable, "is a replica that lost its primary: connect to the primary"),
    "TRYAGAIN": (BrokerUnavailable, "is moving this namespace's keys to another cluster node"),
    "UNBLOCKED": (BrokerUnavailable, "has changed its role: connect again"),
}
_EXPIRED: Final = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""
_WITH_DETAILS: Final = frozenset({"MOVED", "MISCONF"})
_BY_TEXT: Final[Mapping[str, tuple[_Kind, str]]] = {
    "DB index is out of range": (BrokerRefused, "has no database of the URL's number"),
    "SELECT is not allowed in cluster mode": (
        BrokerRefused,
        "is a cluster: it has database 0 only",
    ),
    "max number of clients reached": (
        BrokerUnavailable,
        "has no room for clients: raise maxclients",
    ),
    "this port speaks TLS only": (
        BrokerRefused,
        "speaks TLS only: use rediss://, or the link that `rq-agent up` printed",
    ),
    "called without any password": (AccessDenied, "has no password, but the URL gives one"),
}
_ONCE_CONNECTED: Final = re.compile(
    r"Timeout reading from|while reading from|while writing to|closed by server"
)
_WANTS_CERTIFICATE: Final = (
    "wants a certificate of this client: ?ssl_certfile=FILE&ssl_keyfile=FILE"
)
_IN_PIPELINE: Final = re.compile(
    r"Command # .* of pipeline caused error: \(['\"](.*)['\"],?\)", re.DOTALL
)
"""The client wraps what one command of several met, and hides its code."""
_INSIDE_SCRIPT: Final = re.compile(r"Error running script.*?-([A-Z]+) (.*)", re.DOTALL)
"""Redis 6.2 wraps what a command in a script said; newer servers pass it on as it is."""


def translate(
    error: "client.RedisError",
    where: str,
    *,
    user: str = "",
    command: str = "",
    has_answered: bool = False,
) -> BrokerUnavailable | None:
    """Return our error for one of the client's, or None if it is a bug of ours.

    Args:
        error: the client's.
        where: the address, without its password.
        user: whom the client logged in as; empty for Redis' own default user.
        command: that was sent, if it was one.
        has_answered: this client got answers there before.
    """
    error = _innermost(error)
    if isinstance(error, client.NoScriptError):
        return None
    if isinstance(error, client.NoPermissionError) or is_denial_in_script(str(error)):
        return AccessDenied(f"redis at {where} {denial(str(error), user=user, command=command)}")
    if known := _replied(error):
        kind, words = known
        words = refusal(user) if words == _WRONG_LOGIN else words
        return kind(f"redis at {where} {words}")
    if isinstance(error, client.AuthenticationError):
        return AccessDenied(f"redis at {where} {refusal(user)}")
    if isinstance(error, client.InvalidResponse):
        return BrokerRefused(
            f"what answers at {where} is not redis: another service on this port? "
            "A server that speaks TLS wants rediss://"
        )
    if isinstance(error, client.TimeoutError):
        # A plain server takes the greeting of TLS for the begin of a line, and waits for its end.
        hint = "; does it speak TLS? A plain server wants redis://" if "rediss" in where else ""
        kind = _kind_of_silence(error)
        return kind(f"cannot reach redis at {where}: no answer in time{hint}")
    if isinstance(error, client.ConnectionError):
        if _is_expired(error):
            return CertificateExpired(where)
        words = _network_words(error, where, has_answered=has_answered)
        kind = _kind_of_silence(error)
        return kind(f"cannot reach redis at {where}: {words}")
    return None


def _kind_of_silence(error: "client.RedisError") -> _Kind:
    return ReplyLost if _ONCE_CONNECTED.search(str(error)) else BrokerUnavailable


def _innermost(error: "client.RedisError") -> "client.RedisError":
    while isinstance(error.__cause__, client.RedisError):
        error = error.__cause__
    return error


def _replied(error: "client.RedisError") -> tuple[_Kind, str] | None:
    """What the server's own reply means, if it was one."""
    text = str(error)
    if wrapped := _IN_PIPELINE.fullmatch(text):
        text = wrapped[1]
    for part, known in _BY_TEXT.items():
        if part in text:
            return known
    code = error.status_code or text.partition(" ")[0]
    if wrapped := _INSIDE_SCRIPT.search(text):
        code, text = wrapped.groups()
    if (found := _BY_CODE.get(code)) is None:
        return None
    kind, words = found
    details = text.removeprefix(code).strip().split(" script: ")[0]
    return kind, f"{words} ({details})" if code in _WITH_DETAILS and details else words


def _is_expired(error: "client.ConnectionError") -> bool:
    import ssl

    return any(
        isinstance(link, ssl.SSLCertVerificationError) and link.verify_code == _EXPIRED
        for link in _causes(error)
    )


def _network_words(error: "client.ConnectionError", where: str, *, has_answered: bool) -> str:
    import ssl

    for link in _causes(error):
        match link:
            case ssl.SSLCertVerificationError() if "mismatch" in link.verify_message:
                return (
                    f"its certificate is for another host ({link.verify_message}); "
                    "use the name that it is made for"
                )
            case ssl.SSLCertVerificationError():
                return (
                    f"its certificate is not trusted ({link.verify_message}); "
                    "name its CA with ?ssl_ca_certs=FILE"
                )
            case ssl.SSLError() if "CERTIFICATE_REQUIRED" in (link.reason or ""):
                return f"it {_WANTS_CERTIFICATE}"
            case ssl.SSLError() if "ALERT" in (link.reason or ""):
                return f"it broke the TLS handshake off ({link.reason})"
            case ssl.SSLError():
                return f"no TLS there ({link.reason}); a plain server wants redis://"
            case ConnectionRefusedError():
                return "connection refused; is it running?"
            case FileNotFoundError():
                return "no such socket; is it running?"
            case PermissionError():
                return "this user may not open it"
    return _words_of_text(str(error), where, has_answered=has_answered)


def _words_of_text(text: str, where: str, *, has_answered: bool) -> str:
    if "Connect call failed" in text:  # several addresses of one name, each refused
        return "connection refused; is it running?"
    if "closed by server" in text or "reset by peer" in text:
        if where.startswith("unix") or has_answered:
            return "it closed the connection"
        if where.startswith("rediss"):
            # Of TLS 1.3 it may do so before its reason is read, where both come at once.
            return (
                "it closed the connection; does the server behind it run? Or it "
                f"{_WANTS_CERTIFICATE}"
            )
        return "it closed the connection; a server that speaks only TLS wants rediss://"
    if text.startswith("No master found for"):
        return "no sentinel that answers knows a living primary of the URL's service: is its name right?"
    if re.search(r"Name or service not known|nodename nor servname|name resolution", text):
        return "no such host name"
    return text.rstrip(".")


def _causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
