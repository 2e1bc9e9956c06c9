"""The code of functions, packed once by each process and used by all of their calls."""

from pathlib import Path
from typing import Protocol

import anyio
import msgspec
from msgspec import structs

from ..broker import definition as definitions
from ..broker.definition import Definition, Function
from ..broker.namespace import Namespace
from ..broker.submission import Packed, Submission, pack

_Key = tuple[str, str, Path, Path]

_packed: dict[_Key, tuple[Function | None, Packed]] = {}
"""By server, namespace, folder and file: also for the next client of this process."""


class Packs(Protocol):
    """Packed code by what is submitted."""

    async def of(self, submission: Submission) -> Packed:
        """Return the packed code of a function."""

    def forget(self, submission: Submission) -> None:
        """Pack it anew the next time: Redis lost it."""


class CodePacks:
    """Packs the code of this program, for one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._packing = anyio.Lock()

    async def of(self, submission: Submission) -> Packed:
        """Return the packed code of a function, uploaded at least once.

        Raises:
            UsageError, SnapshotError: the code can't travel; says why.
            BrokerUnavailable: Redis did not take it.
        """
        key = self._key(submission)
        async with self._packing:
            if (known := _packed.get(key)) is None:
                packed = await pack(self._namespace, submission, progress=_silently)
                known = _packed[key] = (submission.function, packed)
        function, packed = known
        return packed if function == submission.function else _of(packed, submission.function)

    def forget(self, submission: Submission) -> None:
        """Pack it anew the next time: Redis lost it."""
        _packed.pop(self._key(submission), None)

    def _key(self, submission: Submission) -> _Key:
        where = self._namespace.where
        return where, self._namespace.name, submission.workdir, submission.target


def _of(packed: Packed, function: Function | None) -> Packed:
    """Return the same code with another function of the same module."""
    known = msgspec.msgpack.decode(packed.upload.encoded, type=Definition)
    entry = structs.replace(known.entry, function=function or msgspec.UNSET)
    encoded = definitions.encode(structs.replace(known, entry=entry))
    upload = structs.replace(packed.upload, encoded=encoded)
    return structs.replace(packed, digest=definitions.digest(encoded), upload=upload)


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
