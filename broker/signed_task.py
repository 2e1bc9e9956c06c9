"""What the signature of a task covers, and the limits that both ends hold it to.

It covers two texts: the place (namespace, id and definition), which travels with the record and
is not repeated in the envelope, and the body, which holds everything else that is not usual.
"""

import re
from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, Final, Literal

import msgspec
from msgspec import NODEFAULT, structs

from .call_arguments import check as check_call
from .definition import Digest
from .errors import TrustError, UsageError
from .needs import Need, plain

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Value = Annotated[str, msgspec.Meta(max_length=128 * 1024)]
"""Linux starts no process with a longer single argument or variable."""
_Values = Annotated[dict[_Name, _Value], msgspec.Meta(max_length=1_000)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=2**31)]

Exclusive = Literal["keep", "kill"]
"""What becomes of the process when its lease can't be renewed: it goes on until it is known to be
lost, or it is killed before anybody else can start the task."""

Restart = Literal["never", "on-failure", "always"]
"""After which ends a long-lived service is started again; see restarts.py."""

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Which task it is, as Redis says too."""

    namespace: Annotated[str, msgspec.Meta(max_length=63)]
    task_id: Annotated[str, msgspec.Meta(max_length=64)]
    definition: Digest
    """Digest of code, environment and entry point: see definition.py."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: Literal[1] = 1
    argv: Annotated[tuple[_Value, ...], msgspec.Meta(max_length=10_000)] = ()
    params: _Values = {}
    env: _Values = {}
    need: Need = Need()
    timeout_s: _Seconds = 0.0
    """0: none."""
    grace_s: _Seconds = 30.0
    """Between SIGTERM and SIGKILL."""
    env_writable: bool = False
    """It gets a copy of the environment of its own."""
    mem_limit_mib: Annotated[float, msgspec.Meta(ge=0, le=2**40)] = 0.0
    """Of all its processes together; 0: none."""
    exclusive: Exclusive = "keep"
    not_after: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
    """Unix s, up to the year 9999. Nobody starts the task later."""
    user: Annotated[str, msgspec.Meta(max_length=255)] = ""
    call: str = ""
    """Arguments of the function of its definition, see call_arguments.py; empty: it has none."""
    restart: Restart = "never"
    """Other than never: it is long-lived, and shares its process with no other task."""


class SignedTask(_Body, frozen=True, kw_only=True):
    """One task as its submitter meant it. Queue and priority may change without a signature."""

    namespace: str
    task_id: str
    definition: str
    """These three: see Place."""


class _Expiry(msgspec.Struct, frozen=True):
    not_after: int


_places: Final = msgspec.msgpack.Decoder(Place)
_bodies: Final = msgspec.msgpack.Decoder(_Body)
_expiries: Final = msgspec.msgpack.Decoder(_Expiry)
_USUAL: Final = {
    field.name: field.default if field.default_factory is NODEFAULT else field.default_factory()
    for field in structs.fields(_Body)
}
_values: Final = attrgetter(*_USUAL)


def encode(task: SignedTask) -> tuple[bytes, bytes]:
    """Return place and canonical body; raise UsageError if no worker would accept the task."""
    try:
        place = encode_place(Place(task.namespace, task.task_id, task.definition))
        _places.decode(place)
        body = _encode_body(task)
        _parse(body)
    except ValueError as e:
        raise UsageError(f"task {task.task_id}: {brief(e)}") from e
    return place, body


def check(task: SignedTask) -> None:
    """Raise UsageError if no worker would accept the task."""
    encode(task)


class Bodies:
    """Encodes tasks that differ in id and call only: what they have in common is checked once."""

    def __init__(self, task: SignedTask) -> None:
        """Raise UsageError if no worker would accept the task."""
        check(task)
        self._task = task
        self._given = _given(task)

    def of(self, task_id: str, call: str) -> tuple[bytes, bytes]:
        """Return place and body, as `encode` does; raise UsageError if the call is none."""
        given, task = self._given, self._task
        if call:
            try:
                check_call(call)
            except ValueError as e:
                raise UsageError(f"task {task_id}: {brief(e)}") from e
            given["call"] = call
        else:
            given.pop("call", None)
        body = msgspec.msgpack.encode(given, order="deterministic")
        return encode_place(Place(task.namespace, task_id, task.definition)), body


def encode_place(place: Place) -> bytes:
    """Return the bytes of a place; those of no other place begin with them."""
    return msgspec.msgpack.encode(place)


def decode(place: Place, body: bytes) -> SignedTask:
    """Return the task of a body whose signature was verified before; else raise TrustError."""
    try:
        return SignedTask(
            namespace=place.namespace,
            task_id=place.task_id,
            definition=place.definition,
            **structs.asdict(_parse(body)),
        )
    except ValueError as e:
        raise TrustError(f"signed, but not acceptable: {brief(e)}") from e


def not_after_of(body: bytes) -> int:
    """Return until when a body says that it holds, Unix s; raise TrustError where it says nothing."""
    try:
        return _expiries.decode(body).not_after
    except ValueError as e:
        raise TrustError(f"not acceptable: {brief(e)}") from e


def _encode_body(task: SignedTask) -> bytes:
    """Return msgpack without what has its usual value, the same bytes for equal tasks."""
    return msgspec.msgpack.encode(_given(task), order="deterministic")


def _given(task: SignedTask) -> dict[str, object]:
    """Return what has another value than the usual one."""
    pairs = zip(_USUAL.items(), _values(task), strict=True)
    given: dict[str, object] = {
        name: value for (name, usual), value in pairs if value is not usual and value != usual
    }
    if "need" in given:
        given["need"] = plain(task.need)
    return given


def brief(error: ValueError) -> str:
    """Return an error's text, fit for a terminal: it may quote what a stranger wrote."""
    if isinstance(error, UnicodeError):
        return "a text in it is not valid UTF-8"
    return str(error)[:200].encode("unicode_escape").decode("ascii")


def _parse(body: bytes) -> _Body:
    """Return what a body holds; raise ValueError, as msgspec does, if it breaks a limit."""
    task = _bodies.decode(body)
    for name in task.env:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"env: {name!r} can't be the name of a variable")
    every = (*task.argv, *task.env.values(), *task.params, *task.params.values())
    if "\0" in "".join(every):
        place = next(place for place, text in _texts(task) if "\0" in text)
        raise ValueError(f"{place}: holds a NUL character")
    if task.call:
        check_call(task.call)
    return task


def _texts(task: _Body) -> Iterator[tuple[str, str]]:
    """Yield every text that reaches the process, with the words that name its place."""
    yield from ((f"argument {number}", text) for number, text in enumerate(task.argv, start=1))
    yield from ((f"env {name}", text) for name, text in task.env.items())
    for name, text in task.params.items():
        yield "the name of a parameter", name
        yield f"parameter {name}", text
