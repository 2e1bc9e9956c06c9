"""The ledger of a test, as in Jepsen: what was promised, begun and ended, by those who did it.

Every process appends lines to a file of its own, each in one write, before it does the next step:
a SIGKILL takes none of them away. Times are of CLOCK_MONOTONIC, which all processes here share.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from rq_agent.broker.claims import Claim

Kind = Literal[
    "acked",  # redis said that it has the task
    "up",  # a worker is about to claim
    "start",  # a worker begins a task
    "end",  # the work is done; its worker is about to tell
    "lost",  # the worker heard that another claim holds the task: it tells nothing
    "told",  # redis answered a finish
    "kill",  # of a worker: it died after this
    "stop",  # of a worker: it stands still after this
    "wake",  # of a worker: it goes on after this
]


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a ledger. Which fields count depends on the kind."""

    kind: Kind
    at: float
    """CLOCK_MONOTONIC, s."""
    worker: str = ""
    pid: int = 0
    id: str = ""
    """Of the task."""
    fence: int = 0
    nonce: str = ""
    outcome: str = ""
    code: int = 0
    """A FinishCode."""
    number: int = 0
    """Of an acked task: its place among all that its submitter sent."""


class Pen:
    """Writes lines for one process."""

    def __init__(self, path: Path, *, worker: str = "", pid: int = 0) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._worker = worker
        self._pid = pid

    def write(self, *lines: Line) -> None:
        """Append lines as a whole; they outlive this process from here on."""
        text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        if os.write(self._file, text) != len(text):
            raise OSError("a line of the ledger was cut")

    def note(
        self, kind: Kind, claim: Claim | None = None, *, outcome: str = "", code: int = 0
    ) -> None:
        """Append what this worker does now, with a task or without one."""
        self.write(
            Line(
                kind=kind,
                at=time.monotonic(),
                worker=self._worker,
                pid=self._pid,
                id=claim.task_id if claim else "",
                fence=claim.fence if claim else 0,
                nonce=claim.nonce if claim else "",
                outcome=outcome,
                code=code,
            )
        )

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


class Ledger:
    """A folder of such files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def pen(self, name: str) -> Pen:
        """Return what appends to the file of one writer."""
        return Pen(self.folder / f"{name}.jsonl", worker=name, pid=os.getpid())

    def lines(self, *kinds: Kind) -> list[Line]:
        """Return what was written so far of some kinds, or of all, in the order of time."""
        found = [line for path in self._files() for line in _read(path)]
        return sorted((n for n in found if not kinds or n.kind in kinds), key=lambda n: n.at)

    def acked(self) -> list[str]:
        """Return the ids that redis has promised to keep, in the order of their submitter."""
        return [line.id for line in sorted(self.lines("acked"), key=lambda n: n.number)]

    def _files(self) -> Sequence[Path]:
        return sorted(self.folder.glob("*.jsonl"))


def _read(path: Path) -> Iterator[Line]:
    for text in path.read_bytes().splitlines():
        yield msgspec.json.decode(text, type=Line)
