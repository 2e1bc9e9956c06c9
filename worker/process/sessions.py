"""Sessions of a worker that died young, and which task is to blame for it.

A task may kill its worker, by design or by the memory that it takes. Its program goes on and is
found again; so that this does not go on for ever, an attempt counts the sessions that died young
beside it, and one of those that saw many is stopped. Which one nobody knows for sure: the task that
ran at most of the deaths, and of several such the youngest. It goes back as if its lease had run
out, so another task that is stopped in its place runs again, and is missing at the next deaths.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from ...broker.errors import RqAgentError
from . import boot_clock, identity
from .journal import Attempt

MOST: Final = 5
"""Sessions that may die young beside one attempt."""
YOUNG_S: Final = 600.0
"""From the begin of one session to that of the next: what died later died of something else."""
_NAME: Final = "session.json"
_REMEMBERED: Final = 1_000


class Deaths(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions before this one that died young, one after the other."""

    is_one: bool = False
    """Whether the last session was one of them."""
    seen: dict[str, int] = {}
    """Task id -> at how many of them its program ran."""


class _Session(msgspec.Struct, kw_only=True):
    boot_id: str
    began_s: float
    """On the clock of this boot."""
    seen: dict[str, int] = {}


@contextmanager
def session(folder: Path, left: Sequence[Attempt]) -> Iterator[Deaths]:
    """Let a session last as long as the body, and tell it which ones before it died.

    One whose body raises died, too, unless it says why it can't go on: Redis is away, the name is
    taken. A disk that is full can't tell: then nothing is counted.

    Args:
        folder: the worker's own.
        left: what the session before left behind.
    """
    path = folder / _NAME
    before, now = _read(path), _Session(boot_id=identity.boot_id(), began_s=boot_clock.now_s())
    is_one = (
        before is not None
        and before.boot_id == now.boot_id
        and is_young(before.began_s, now.began_s)
    )
    if before is not None and is_one:
        now.seen = seen_by(before.seen, left)
    with suppress(OSError):
        path.write_bytes(msgspec.json.encode(now))
    try:
        yield Deaths(is_one=is_one, seen=now.seen)
    except RqAgentError:
        _forget(path)
        raise
    _forget(path)


def is_young(began_s: float, next_s: float) -> bool:
    """Return whether a session that ended before the next one began did not live for long."""
    return 0 <= next_s - began_s < YOUNG_S


def seen_by(seen: Mapping[str, int], left: Sequence[Attempt]) -> dict[str, int]:
    """Return at how many deaths each task ran, with one more at which these did."""
    running = {a.task_id: seen.get(a.task_id, 0) + 1 for a in left if a.watch is not None}
    both = {**seen, **running}
    return dict(sorted(both.items(), key=lambda item: -item[1])[:_REMEMBERED])


def counted(attempts: Sequence[Attempt], *, died_young: bool) -> list[Attempt]:
    """Return the attempts with the session before this one counted."""
    return [
        msgspec.structs.replace(a, sessions=a.sessions + 1 if died_young else 0) for a in attempts
    ]


def poison(attempts: Sequence[Attempt], seen: Mapping[str, int]) -> Attempt | None:
    """Return the attempt to stop, if there is one: at most one in a session."""
    many = [(a, a.watch.started_s) for a in attempts if a.watch and a.sessions >= MOST]
    worst = max(many, key=lambda one: (seen.get(one[0].task_id, 0), one[1]), default=None)
    return worst[0] if worst else None


def pardoned(attempts: Sequence[Attempt], culprit: Attempt) -> list[Attempt]:
    """Return the attempts when one is stopped: the others begin to count anew."""
    return [a if a is culprit else msgspec.structs.replace(a, sessions=0) for a in attempts]


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _read(path: Path) -> _Session | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Session)
    except (OSError, msgspec.MsgspecError):
        return None
