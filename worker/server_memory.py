"""Remembers what a namespace holds, so that somebody can tell it should Redis lose everything.

Beside the journal, for each server and namespace: its birth, and how many of each it had.
"""

import hashlib
import logging
import time
from pathlib import Path
from typing import Final

import anyio
import msgspec

from ..broker import private_files
from ..broker.errors import BrokerUnavailable
from ..broker.replacement import Holdings, Replacements
from .heartbeat import Heartbeat
from .signals import Signals

log = logging.getLogger(__name__)

_EVERY_S: Final = 15.0


class _Memory(msgspec.Struct, frozen=True, kw_only=True):
    birth: str
    at_ms: int
    """Unix ms on the clock of this machine."""
    holdings: Holdings


class ServerMemory:
    """One per worker. Only the one that ticks counts; whoever did so once tells of a loss."""

    def __init__(
        self,
        folder: Path,
        *,
        where: str,
        namespace: str,
        replacements: Replacements,
        signals: Signals,
        heartbeat: Heartbeat,
    ) -> None:
        """`where` is the address of the server: at another one another namespace is no loss."""
        place = hashlib.sha256(where.encode()).hexdigest()[:12]
        self._path = folder / f"server-{namespace}-{place}.json"
        self._replacements = replacements
        self._signals = signals
        self._heartbeat = heartbeat

    async def run(self) -> None:
        """Look now and then, and when Redis has restarted, forever."""
        while True:
            try:
                await self._look()
            except BrokerUnavailable as e:
                log.debug("what redis holds: %s", e)
            except OSError as e:  # no reason to end: it is remembered as it was
                log.warning("what redis holds is not remembered: %s", e)
            with anyio.move_on_after(_EVERY_S):
                await self._signals.restarted.wait()

    async def _look(self) -> None:
        birth = self._signals.birth
        known = self._read()
        if not birth or (known is None and not self._heartbeat.ticker.is_set()):
            return
        is_other = known is not None and known.birth != birth
        if is_other and known is not None:
            await self._replacements.note(known.birth, known.holdings, known_ms=known.at_ms)
            log.warning("redis came back with nothing; `rq-agent doctor` tells what was lost")
        if is_other or self._heartbeat.ticker.is_set():
            holdings = await self._replacements.count()
            self._write(_Memory(birth=birth, at_ms=time.time_ns() // 1_000_000, holdings=holdings))

    def _read(self) -> _Memory | None:
        try:
            return msgspec.json.decode(private_files.read(self._path), type=_Memory)
        except (OSError, ValueError):  # none yet, or of another version
            return None

    def _write(self, memory: _Memory) -> None:
        private_files.write(self._path, msgspec.json.encode(memory))
