"""What a host reports and is told; worker/host/ says what each of it means.

A host is run by users' code, so a report may be anything: it is checked by its type, and all
numbers are bounded. Whom it concerns is for others to judge.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, Literal

import msgspec

from ..endings import StopCause
from .calls import Call

_Key = Annotated[str, msgspec.Meta(max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=2**40)]
_Code = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**32)]
_Stream = Literal["out", "err"]


class Row(msgspec.Struct, array_like=True, frozen=True):
    """The end of one call."""

    key: _Key
    outcome: Literal["succeeded", "failed", "errored", "cancelled", "timed_out", "released"]
    exit_code: _Code | None
    reason: str
    result: str | None
    note: str
    lasted_ms: _Count


class Going(msgspec.Struct, array_like=True, frozen=True):
    """A call that runs."""

    key: _Key
    note: str
    started_at: _Seconds


class Ready(msgspec.Struct, array_like=True, frozen=True, tag="ready"):
    """The first report of a host."""

    pid: _Count
    python: str
    loop: str


class State(msgspec.Struct, array_like=True, frozen=True, tag="state"):
    """All that runs."""

    going: list[Going]


class Done(msgspec.Struct, array_like=True, frozen=True, tag="done"):
    """Ends."""

    rows: list[Row]


class Out(msgspec.Struct, array_like=True, frozen=True, tag="out"):
    """What a call printed."""

    key: _Key
    stream: _Stream
    offset: _Count
    text: str


class Gap(msgspec.Struct, array_like=True, frozen=True, tag="gap"):
    """Something that a call printed was dropped."""

    key: _Key
    stream: _Stream
    size: _Count


class Blocked(msgspec.Struct, array_like=True, frozen=True, tag="blocked"):
    """A call keeps the loop from going on."""

    key: _Key
    seconds: _Seconds
    stack: str


class Unblocked(msgspec.Struct, array_like=True, frozen=True, tag="unblocked"):
    """It went on after all."""

    key: _Key
    seconds: _Seconds


class Exits(msgspec.Struct, array_like=True, frozen=True, tag="exits"):
    """A call ends the process of the host."""

    key: _Key
    code: _Code


class Refused(msgspec.Struct, array_like=True, frozen=True, tag="refused"):
    """A call can't be ended."""

    key: _Key
    reason: str


class Pulse(msgspec.Struct, array_like=True, frozen=True, tag="pulse"):
    """Sign of life."""

    lag_ms: _Seconds
    rss_bytes: _Count
    calls: _Count


Report = Ready | State | Done | Out | Gap | Blocked | Unblocked | Exits | Refused | Pulse


class Nonsense(Exception):
    """No report; the text says what is wrong with it."""


_decode: Final[Callable[[bytes], Report]] = msgspec.json.Decoder(Report).decode
_KNOWN: Final = frozenset(
    ("ready", "state", "done", "out", "gap", "blocked", "unblocked", "exits", "refused", "pulse")
)


def parse(line: bytes) -> Report | None:
    """Return the report of a line; None: one of a kind that this version does not know.

    Raises:
        Nonsense: it is none.
    """
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _parse_patiently(line)


def _parse_patiently(line: bytes) -> Report | None:
    """Take what is not quite UTF-8 as well: half a character may have been printed."""
    try:
        found = json.loads(line)
        if isinstance(found, list) and found and isinstance(found[0], str):
            if found[0] not in _KNOWN:
                return None
            return _decode(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as e:
        raise Nonsense(str(e)[:200]) from e
    raise Nonsense("it is no list that begins with a name")


class Begin(msgspec.Struct, array_like=True, frozen=True):
    """One call of a `start`."""

    key: str
    target: str
    arguments: msgspec.Raw
    timeout_s: float
    grace_s: float
    note: str
    log: bool = True


_LONGEST_S: Final = 1e9
"""A host takes no longer times; who may run for 30 years may run for ever."""
_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
_CAUSES: Final = {StopCause.CANCELLED: "cancelled", StopCause.TIMED_OUT: "timed out"}
_BATCH_BYTES: Final = 256 * 1024
_AS_BLANKS: Final = bytes.maketrans(b"\n\r", b"  ")


def embedded(arguments: bytes) -> msgspec.Raw:
    """Return a JSON text so that it may stand in a line: between its tokens, a break is a blank."""
    return msgspec.Raw(arguments.translate(_AS_BLANKS))


def begin(call: Call, target: str) -> Begin:
    """Return what a host is told of a call; `target` as it is on its disk."""
    return Begin(
        call.key,
        target,
        embedded(call.arguments),
        call.timeout_s if call.timeout_s < _LONGEST_S else 0.0,
        min(call.grace_s, _LONGEST_S),
        call.note,
    )


def hello(lag_s: float) -> bytes:
    """Return the first line of a connection."""
    return _line(["hello", {"lag_s": lag_s}])


def starts(begins: Iterable[Begin]) -> Iterator[bytes]:
    """Return the lines that have calls run: one, as a rule."""
    batch: list[Begin] = []
    size = 0
    for begin in begins:
        batch.append(begin)
        size += len(begin.arguments)
        if size > _BATCH_BYTES:
            yield _line(["start", batch])
            batch, size = [], 0
    if batch:
        yield _line(["start", batch])


def cancel(key: str, grace_s: float, cause: StopCause) -> bytes:
    """Return the line that stops a call."""
    return _line(["cancel", key, min(grace_s, _LONGEST_S), _CAUSES.get(cause, "released")])


def read(segment: int) -> bytes:
    """Return the line that lets the host remove reports."""
    return _line(["read", segment])


def end() -> bytes:
    """Return the line that ends a host as soon as nothing runs in it."""
    return _line(["end"])


def _line(command: list[Any]) -> bytes:
    return _encode(command) + b"\n"
