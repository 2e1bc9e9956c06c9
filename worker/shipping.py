"""Ships the output of one attempt to Redis while it runs."""

import logging
import stat
from collections.abc import Mapping
from pathlib import Path

import anyio
import msgspec

from ..broker.claims import Claim, FinishCode
from ..broker.errors import BrokerUnavailable
from ..broker.leases import Leases
from ..broker.logs import LIMIT_BYTES, Chunk, LogBehind, Logs
from .process import spool
from .process.spool import Output
from .said import Said

log = logging.getLogger(__name__)

_EVERY_S = 0.1
_RETRY_S = 1.0
_FENCED_RETRY_S = 1.0
"""A Redis that came back older does not know the claim until a beat has told it."""
_PART = 64
_USED_BYTES = 1024 * 1024
_WAITING_BYTES = LIMIT_BYTES // 2
"""Of each stream. Less than Redis keeps of both, so that a flood on one does not wash away what
the other said a moment before."""


class Shipping:
    """Output, the worker's own words about the task, and the parameters that it used.

    The whole output stays on this machine's disk; of what Redis can't take in time the oldest
    is dropped (see spool.py), so memory is bounded and the task never waits for Redis. What Redis
    had and lost is read from the disk and shipped again.
    """

    def __init__(
        self, claim: Claim, folder: Path, logs: Logs, leases: Leases, *, is_resumed: bool = False
    ) -> None:
        """`is_resumed`: an earlier session of this worker shipped some of it already."""
        self._claim = claim
        self._logs = logs
        self._leases = leases
        self._output = Output(folder, limit_bytes=_WAITING_BYTES)
        self._used_file = folder / "params.json"
        self._used_at_ns: int | None = None
        self._used_due_s = 0.0
        self._said = Said()
        self._said_end = 0
        self._pending: list[Chunk] = []
        self._after_gap: set[str] = set()
        self._is_resumed = self._is_doubtful = is_resumed

    def say(self, line: str) -> None:
        """Put a line of our own into the task's log."""
        self._said.add(line)

    def doubt(self) -> None:
        """Redis may have lost what it had: look where its log ends, and go on from there."""
        self._is_doubtful = True

    @property
    def is_doubtful(self) -> bool:
        """Whether Redis may have lost what it had, and was not asked yet."""
        return self._is_doubtful

    def waiting_bytes(self) -> int:
        """Return how many bytes of output are on the disk and not in Redis."""
        read = sum(chunk.raw_bytes for chunk in self._pending if chunk.stream != "sys")
        return read + self._output.waiting_bytes()

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
        if self._is_doubtful:
            await self._realign()
        while self._pending or await self._read(final):
            part = self._pending[:_PART]
            try:
                await self._logs.append(self._claim, part)
            except LogBehind:
                self.doubt()
                raise
            del self._pending[: len(part)]
        await self._ship_used()

    async def _realign(self) -> None:
        ends = await self._logs.ends(self._claim.task_id, self._claim.fence)
        self._output.go_to({"out": ends["out"], "err": ends["err"]})
        if self._is_resumed:
            self._said.begin_at(ends["sys"])
        self._said_end = ends["sys"]
        self._pending.clear()
        self._after_gap.clear()
        self._used_at_ns = None
        self._is_resumed = self._is_doubtful = False

    async def _read(self, final: bool) -> bool:
        """Take what is new; return whether there was any.

        A gap is not shipped: readers see it in the offsets.
        """
        said = self._said.after(self._said_end)
        self._said_end = self._said.end
        self._pending += said
        try:
            found = await self._output.read(final=final)
        except OSError as e:  # the task may have put anything in place of its files
            log.warning("task %s: its output can't be read: %s", self._claim.task_id, e)
            return bool(said)
        for part in found:
            if part.is_gap:
                self._after_gap.add(part.stream)
            else:
                self._pending.append(self._to_store(part))
        return bool(said or found)

    def _to_store(self, part: spool.Chunk) -> Chunk:
        after_gap = part.stream in self._after_gap
        self._after_gap.discard(part.stream)
        return Chunk(
            stream=part.stream,
            offset=part.offset,
            raw_bytes=part.raw_bytes,
            data=part.data,
            after_gap=after_gap,
        )

    async def _ship_used(self) -> None:
        written_ns = modified_ns(self._used_file)
        if written_ns in (None, self._used_at_ns) or anyio.current_time() < self._used_due_s:
            return
        code = await self._leases.used(self._claim, read_used(self._used_file))
        if code in (FinishCode.FENCED, FinishCode.GONE):
            self._used_due_s = anyio.current_time() + _FENCED_RETRY_S
        else:
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
