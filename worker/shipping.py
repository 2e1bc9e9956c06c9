"""Ships the output of one attempt to Redis while it runs."""

import logging
import stat
from collections.abc import Mapping
from pathlib import Path

import anyio
import msgspec

from ..broker.claims import Claim
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from ..broker.logs import LIMIT_BYTES, Chunk, Logs
from .process.spool import Output

log = logging.getLogger(__name__)

_EVERY_S = 0.1
_RETRY_S = 1.0
_LINES_KEPT = 1_000
_PART = 64
_USED_BYTES = 1024 * 1024
_WAITING_BYTES = LIMIT_BYTES // 2
"""Of each stream. Less than Redis keeps of both, so that a flood on one does not wash away what
the other said a moment before."""


class Shipping:
    """Output, the worker's own words about the task, and the parameters that it used.

    The whole output stays on this machine's disk; of what Redis can't take in time the oldest
    is dropped (see spool.py), so memory is bounded and the task never waits for Redis.
    """

    def __init__(self, claim: Claim, folder: Path, logs: Logs, leases: Leases) -> None:
        self._claim = claim
        self._logs = logs
        self._leases = leases
        self._output = Output(folder, limit_bytes=_WAITING_BYTES)
        self._used_file = folder / "params.json"
        self._used_at_ns: int | None = None
        self._said_bytes = 0
        self._pending: list[Chunk] = []

    def say(self, line: str) -> None:
        """Put a line of our own into the task's log."""
        data = line.rstrip("\n").encode("utf-8", "replace")[:8_192] + b"\n"
        if len(self._pending) < _LINES_KEPT:
            self._pending.append(
                Chunk(stream="sys", offset=self._said_bytes, raw_bytes=len(data), data=data)
            )
        self._said_bytes += len(data)

    async def run(self) -> None:
        """Ship forever; a missing Redis is waited for."""
        while True:
            try:
                await self.ship()
            except BrokerUnavailable as e:
                log.debug("task %s: %s; output waits on disk", self._claim.task_id, e)
                await anyio.sleep(_RETRY_S)
            await anyio.sleep(_EVERY_S)

    async def ship(self, *, final: bool = False) -> None:
        """Ship what is new. `final`: also the last line, when it has no end."""
        while self._pending or await self._read(final):
            part = self._pending[:_PART]
            await self._logs.append(self._claim, part)
            del self._pending[: len(part)]
        await self._ship_used()

    async def _read(self, final: bool) -> bool:
        """Take what is new on disk; return whether there was any.

        A gap is not shipped: readers see it in the offsets.
        """
        try:
            found = await self._output.read(final=final)
        except OSError as e:  # the task may have put anything in place of its files
            log.warning("task %s: its output can't be read: %s", self._claim.task_id, e)
            return False
        self._pending += [
            Chunk(stream=c.stream, offset=c.offset, raw_bytes=c.raw_bytes, data=c.data)
            for c in found
            if not c.is_gap
        ]
        return bool(found)

    async def _ship_used(self) -> None:
        written_ns = modified_ns(self._used_file)
        if written_ns not in (None, self._used_at_ns):
            await self._leases.used(self._claim, read_used(self._used_file))
            self._used_at_ns = written_ns


def modified_ns(path: Path) -> int | None:
    """Return when a file was written, None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else None


def read_used(path: Path) -> Mapping[str, str]:
    """Return the parameters that the script said it used; nothing when it wrote nonsense."""
    try:
        with path.open("rb") as file:
            content = file.read(_USED_BYTES + 1)
        return msgspec.json.decode(content[:_USED_BYTES], type=dict[str, str])
    except (OSError, ValueError):  # gone again, cut, or no JSON
        return {}
