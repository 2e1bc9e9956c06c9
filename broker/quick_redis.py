"""The few reading commands of the Redis client that look-ups call, on a plain socket.

The protocol is hiredis', the parser that the client itself uses. Replies have the client's shapes.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import hiredis

from .urls import Address

_CHUNK: Final = 1 << 16
_CONNECT_S: Final = 1.0
"""Who does not answer by then is asked again by the real client, which is more patient."""
_Shape = Callable[[Any], Any]


class NotQuick(Exception):
    """This needs the real client."""


def _same(reply: Any) -> Any:
    return reply


def _pairs(reply: Any) -> dict[Any, Any]:
    return dict(zip(reply[::2], reply[1::2], strict=True))


def _scored(reply: Any) -> list[tuple[Any, float]]:
    return [(m, float(s)) for m, s in zip(reply[::2], reply[1::2], strict=True)]


def _numbers(reply: Any) -> tuple[int, ...]:
    return tuple(map(int, reply))


def _score(reply: Any) -> float | None:
    return None if reply is None else float(reply)


def _entries(reply: Any) -> list[tuple[Any, Any]]:
    return [(name, None if fields is None else _pairs(fields)) for name, fields in reply]


def _streams(reply: Any) -> list[Any]:
    return [[key, _entries(entries)] for key, entries in reply or ()]


def _said(reply: bytes) -> dict[str, str]:
    lines = reply.decode("utf-8", "replace").splitlines()
    return {name: value for name, found, value in (li.partition(":") for li in lines) if found}


_SIMPLE: Final[Mapping[str, _Shape]] = {
    **dict.fromkeys(("exists", "get", "getrange", "hget", "lrange", "scard", "strlen"), _same),
    **dict.fromkeys(("srandmember", "xlen", "zcard", "zcount", "zlexcount"), _same),
    "hgetall": _pairs,
    "smembers": set,
    "time": _numbers,
    "zscore": _score,
}
"""Commands whose arguments are sent as they are given, and the shapes of their replies."""


class Commands(ABC):
    """The commands, for one at a time and for a pipeline: `_do` is what differs."""

    may_run: Callable[[str], bool] = staticmethod(lambda sha: False)
    """Whether the script of a SHA-1 may be run twice."""

    @abstractmethod
    def _do(self, shape: _Shape, *words: Any) -> Any:
        """Send a command, or keep it for later."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a simple command."""
        if (shape := _SIMPLE.get(name)) is None:
            raise NotQuick(f"{name} is none of the reading commands")
        return lambda *words: self._do(shape, name.upper(), *words)

    def hmget(self, key: str, names: Sequence[str]) -> Any:
        """HMGET."""
        return self._do(_same, "HMGET", key, *names)

    def zrange(self, key: str, start: int, end: int, *, withscores: bool = False) -> Any:
        """ZRANGE."""
        return self._scores(withscores, "ZRANGE", key, start, end)

    def zrangebyscore(
        self, key: str, low: Any, high: Any, start: int = 0, num: int = -1, withscores: bool = False
    ) -> Any:
        """ZRANGEBYSCORE."""
        return self._scores(withscores, "ZRANGEBYSCORE", key, low, high, limit=(start, num))

    def zrangebylex(self, key: str, low: Any, high: Any, start: int = 0, num: int = -1) -> Any:
        """ZRANGEBYLEX."""
        return self._do(_same, "ZRANGEBYLEX", key, low, high, "LIMIT", start, num)

    def zrevrangebylex(self, key: str, high: Any, low: Any, start: int = 0, num: int = -1) -> Any:
        """ZREVRANGEBYLEX."""
        return self._do(_same, "ZREVRANGEBYLEX", key, high, low, "LIMIT", start, num)

    def xrange(self, key: str, low: Any = "-", high: Any = "+", count: int | None = None) -> Any:
        """XRANGE."""
        return self._do(_entries, "XRANGE", key, low, high, *_count(count))

    def xrevrange(self, key: str, high: Any = "+", low: Any = "-", count: int | None = None) -> Any:
        """XREVRANGE."""
        return self._do(_entries, "XREVRANGE", key, high, low, *_count(count))

    def xread(
        self, after: Mapping[str, Any], count: int | None = None, block: int | None = None
    ) -> Any:
        """XREAD of what is there."""
        if block is not None:
            raise NotQuick("it waits")
        return self._do(_streams, "XREAD", *_count(count), "STREAMS", *after, *after.values())

    def evalsha(self, sha: str, keys: int, *words: Any) -> Any:
        """EVALSHA, of a script that may be run twice."""
        if not self.may_run(sha):
            raise NotQuick("a script that must run once")
        return self._do(_same, "EVALSHA", sha, keys, *words)

    def _scores(self, withscores: bool, *words: Any, limit: Sequence[int] = ()) -> Any:
        more = (*(("WITHSCORES",) if withscores else ()), *(("LIMIT", *limit) if limit else ()))
        return self._do(_scored if withscores else _same, *words, *more)


class QuickRedis(Commands):
    """One connection."""

    def __init__(self, address: Address, *, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._reader = hiredis.Reader()
        self._info: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Connect and log in."""
        self._socket = _connected(self._address, min(self._timeout_s, _CONNECT_S))
        try:
            for words in _greeting(self._address):
                self._ask([words])
            self._socket.settimeout(self._timeout_s)
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        self._socket.close()

    async def info(self, section: str = "") -> dict[str, str]:
        """INFO, asked once."""
        if not self._info:
            self._info = await self._do(_said, "INFO")
        return self._info

    def pipeline(self, *, transaction: bool) -> "QuickPipeline":
        """Return commands that are sent at once."""
        return QuickPipeline(self._ask, self.may_run)

    async def _do(self, shape: _Shape, *words: Any) -> Any:
        return shape(self._ask([words])[0])

    def _ask(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        self._socket.sendall(b"".join(hiredis.pack_command(tuple(words)) for words in commands))
        return [self._answer() for _ in commands]

    def _answer(self) -> Any:
        while (reply := self._reader.gets()) is False:
            if not (chunk := self._socket.recv(_CHUNK)):
                raise NotQuick("the server hung up")
            self._reader.feed(chunk)
        if _has_error(reply):
            raise NotQuick("the server refused something")
        return reply


class QuickPipeline(Commands):
    """Commands that are sent at once. An error in any answer is none of ours."""

    def __init__(
        self,
        ask: Callable[[Sequence[Sequence[Any]]], list[Any]],
        may_run: Callable[[str], bool],
    ) -> None:
        self._ask = ask
        self.may_run = may_run
        self._waiting: list[tuple[_Shape, Sequence[Any]]] = []

    def script_load(self, text: str) -> None:
        """SCRIPT LOAD: it changes no key."""
        self._do(_same, "SCRIPT", "LOAD", text)

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send them; return their answers."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        replies = self._ask([words for _, words in waiting])
        return [shape(reply) for (shape, _), reply in zip(waiting, replies, strict=True)]

    def _do(self, shape: _Shape, *words: Any) -> None:
        self._waiting.append((shape, words))


def _count(count: int | None) -> tuple[Any, ...]:
    return () if count is None else ("COUNT", count)


def _has_error(reply: Any) -> bool:
    return isinstance(reply, hiredis.ReplyError) or (
        isinstance(reply, list) and any(isinstance(each, hiredis.ReplyError) for each in reply)
    )


def _greeting(address: Address) -> Iterator[tuple[Any, ...]]:
    if address.password:
        user = (address.username,) if address.username else ()
        yield ("AUTH", *user, address.password)
    if address.database:
        yield ("SELECT", address.database)


def _connected(address: Address, timeout_s: float) -> socket.socket:
    if address.sentinels:
        raise NotQuick("sentinels know where the server is")
    if address.path:
        return _connected_to_path(address.path, timeout_s)
    found = socket.create_connection((address.host, address.port), timeout=timeout_s)
    try:
        return _wrapped(found, address) if address.uses_tls else found
    except BaseException:
        found.close()
        raise


def _connected_to_path(path: str, timeout_s: float) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    try:
        found.settimeout(timeout_s)
        found.connect(path)
    except BaseException:
        found.close()
        raise
    return found


def _wrapped(plain: socket.socket, address: Address) -> socket.socket:
    """Speak TLS, where the URL asks for no more than a CA of its own."""
    import ssl

    tls = address.tls
    if set(tls) - {"ssl_ca_certs", "ssl_check_hostname"}:
        raise NotQuick("options of TLS")
    context = ssl.create_default_context(cafile=tls.get("ssl_ca_certs"))
    context.check_hostname = tls.get("ssl_check_hostname", "yes").lower() not in (
        "false",
        "no",
        "0",
    )
    return context.wrap_socket(plain, server_hostname=address.host)
