"""What the signature of a task covers, and the limits that both ends hold it to."""

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec

from .definition import Digest
from .errors import TrustError, UsageError
from .needs import Need

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Value = Annotated[str, msgspec.Meta(max_length=128 * 1024)]
"""Linux starts no process with a longer single argument or variable."""
_Values = Annotated[dict[_Name, _Value], msgspec.Meta(max_length=1_000)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=2**31)]

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SignedTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task as its submitter meant it. Queue and priority may change without a signature."""

    v: Literal[1] = 1
    namespace: Annotated[str, msgspec.Meta(max_length=63)]
    task_id: Annotated[str, msgspec.Meta(max_length=64)]
    definition: Digest
    """Digest of code, environment and entry point: see definition.py."""
    argv: Annotated[tuple[_Value, ...], msgspec.Meta(max_length=10_000)] = ()
    params: _Values = {}
    env: _Values = {}
    need: Need = Need()
    timeout_s: _Seconds = 0.0
    """0: none."""
    grace_s: _Seconds = 30.0
    """Between SIGTERM and SIGKILL."""
    not_after: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
    """Unix s, up to the year 9999. Nobody starts the task later."""
    user: Annotated[str, msgspec.Meta(max_length=255)] = ""


_decoder: Final = msgspec.msgpack.Decoder(SignedTask)


def encode(task: SignedTask) -> bytes:
    """Return the canonical msgpack of a task; raise UsageError if no worker would accept it."""
    try:
        body = msgspec.msgpack.encode(task, order="deterministic")
        _parse(body)
    except ValueError as e:
        raise UsageError(f"task {task.task_id}: {brief(e)}") from e
    return body


def decode(body: bytes) -> SignedTask:
    """Return the task of a body whose signature was verified before; else raise TrustError."""
    try:
        return _parse(body)
    except ValueError as e:
        raise TrustError(f"signed, but not acceptable: {brief(e)}") from e


def brief(error: ValueError) -> str:
    """Return an error's text, fit for a terminal: it may quote what a stranger wrote."""
    if isinstance(error, UnicodeError):
        return "a text in it is not valid UTF-8"
    return str(error)[:200].encode("unicode_escape").decode("ascii")


def _parse(body: bytes) -> SignedTask:
    """Return the task of a body; raise ValueError, as msgspec does, if it breaks a limit."""
    task = _decoder.decode(body)
    for name in task.env:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"env: {name!r} can't be the name of a variable")
    for place, text in _texts(task):
        if "\0" in text:
            raise ValueError(f"{place}: holds a NUL character")
    return task


def _texts(task: SignedTask) -> Iterator[tuple[str, str]]:
    """Yield every text that reaches the process, with the words that name its place."""
    yield from ((f"argument {number}", text) for number, text in enumerate(task.argv, start=1))
    yield from ((f"env {name}", text) for name, text in task.env.items())
    for name, text in task.params.items():
        yield "the name of a parameter", name
        yield f"parameter {name}", text
