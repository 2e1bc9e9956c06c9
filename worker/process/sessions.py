"""Whether the session of a worker before this one died, and how often that happened beside a task.

A task may kill its worker, by design or by the memory that it takes. Its program goes on and is
found again; so that it does not do so for ever, an attempt counts the sessions that died young
beside it. Which of several attempts is to blame nobody knows: the youngest of those that saw most.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from . import boot_clock, identity
from .journal import Attempt

MOST: Final = 5
"""Sessions that may die young beside one attempt."""
YOUNG_S: Final = 600.0
"""From the begin of one session to that of the next: what died later died of something else."""
_NAME: Final = "session.json"


class _Session(msgspec.Struct):
    boot_id: str
    began_s: float
    """On the clock of this boot."""


@contextmanager
def session(folder: Path) -> Iterator[bool]:
    """Let a session last as long as the body; tell it whether the one before died young.

    One whose body raises died, too. A disk that is full can't tell: then nothing is counted.
    """
    path = folder / _NAME
    before, now = _read(path), _Session(identity.boot_id(), boot_clock.now_s())
    with suppress(OSError):
        path.write_bytes(msgspec.json.encode(now))
    is_of_this_boot = before is not None and before.boot_id == now.boot_id
    yield before is not None and is_of_this_boot and is_young(before.began_s, now.began_s)
    with suppress(OSError):
        path.unlink()


def is_young(began_s: float, next_s: float) -> bool:
    """Return whether a session that ended before the next one began did not live for long."""
    return 0 <= next_s - began_s < YOUNG_S


def counted(attempts: Sequence[Attempt], *, died_young: bool) -> list[Attempt]:
    """Return the attempts with the session before this one counted."""
    return [
        msgspec.structs.replace(a, sessions=a.sessions + 1 if died_young else 0) for a in attempts
    ]


def poison(attempts: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt to stop, if there is one: at most one in a session."""
    seen = [a for a in attempts if a.sessions >= MOST and a.watch is not None]
    return max(seen, key=lambda a: a.watch.started_s if a.watch else 0.0, default=None)


def _read(path: Path) -> _Session | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Session)
    except (OSError, msgspec.MsgspecError):
        return None
