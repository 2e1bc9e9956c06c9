"""The code of functions, packed once by each process and used by all of their calls."""

import logging
from pathlib import Path
from typing import Protocol

import anyio
import msgspec
from msgspec import structs

from ..broker import definition as definitions
from ..broker.definition import Definition, Function
from ..broker.namespace import Namespace
from ..broker.submission import Collected, Packed, Submission, collect, upload

_Key = tuple[Path, Path]

_collected: dict[_Key, tuple[Function | None, Collected]] = {}
"""By folder and file. It is what this process has loaded, so it stays as it is while that runs."""

_log = logging.getLogger("rq_agent.api")


class Packs(Protocol):
    """Packed code by what is submitted."""

    async def of(self, submission: Submission) -> Packed:
        """Return the packed code of a function."""

    def forget(self, submission: Submission) -> None:
        """Upload it again the next time: Redis lost it."""


class CodePacks:
    """Packs the code of this program, for one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._uploaded: set[_Key] = set()
        self._packing = anyio.Lock()

    async def of(self, submission: Submission) -> Packed:
        """Return the packed code of a function, uploaded at least once.

        Raises:
            UsageError, SnapshotError: the code can't travel; says why.
            BrokerUnavailable: Redis did not take it.
        """
        key = _key(submission)
        async with self._packing:
            if (known := _collected.get(key)) is None:
                collected = await collect(submission, progress=_silently)
                known = _collected[key] = (submission.function, collected)
                for warning in collected.packed.warnings:
                    _log.warning("%s: %s", submission.target.name, warning)
            function, collected = known
            if key not in self._uploaded:
                await upload(self._namespace, collected, progress=_silently)
                self._uploaded.add(key)
        same = function == submission.function
        return collected.packed if same else _of(collected.packed, submission.function)

    def forget(self, submission: Submission) -> None:
        """Upload it again the next time: Redis lost it."""
        self._uploaded.discard(_key(submission))


def _key(submission: Submission) -> _Key:
    return submission.workdir, submission.target


def _of(packed: Packed, function: Function | None) -> Packed:
    """Return the same code with another function of the same module."""
    known = msgspec.msgpack.decode(packed.upload.encoded, type=Definition)
    entry = structs.replace(known.entry, function=function or msgspec.UNSET)
    encoded = definitions.encode(structs.replace(known, entry=entry))
    sent = structs.replace(packed.upload, encoded=encoded)
    return structs.replace(packed, digest=definitions.digest(encoded), upload=sent)


def _silently(text: str) -> None:
    """Nobody watches."""


def workdir_of(top: Path, root: Path | None) -> Path:
    """Return the folder that code is looked for from: that of the project, where nobody says."""
    if root is not None:
        return root.resolve()
    here = Path.cwd()
    if top == here or here in top.parents:
        return here
    return top.parent if top.name == "src" else top
