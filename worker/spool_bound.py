"""Keeps what tasks print from filling the disk: the newest of it stays, older bytes are given back.

The files keep their lengths and offsets: a hole stands where the old bytes were, and what reads
them sees a gap. What is given back was shipped, or Redis was away for too long to take it.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from .process import holes
from .process.spool import STREAMS, Stream
from .room import Room

log = logging.getLogger(__name__)

_EVERY_S: Final = 0.5
_ENDED_EVERY_S: Final = 10.0
_MIB: Final = 1024**2


class SpoolBound:
    """The output of one task."""

    def __init__(self, folder: Path, room: Room, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._room = room
        self._say = say
        self._ends: dict[Stream, int] = dict.fromkeys(STREAMS, 0)
        """Of the holes."""

    async def run(self) -> None:
        """Shorten it forever."""
        while True:
            await self.shorten()
            await anyio.sleep(_EVERY_S)

    async def shorten(self) -> None:
        """Give back what is too much now. Never fails: the task is worth more than the room."""
        kept_bytes = self._room.kept_bytes
        if self._room.has_holes and any(self._excess(s, kept_bytes) for s in STREAMS):
            await anyio.to_thread.run_sync(partial(self._punch, kept_bytes))

    def _punch(self, kept_bytes: int) -> None:
        is_first = not any(self._ends.values())
        before = sum(self._ends.values())
        try:
            for stream in STREAMS:
                excess = self._excess(stream, kept_bytes)
                end = self._ends[stream] + excess
                if excess:
                    path = self._folder / stream
                    self._ends[stream] = holes.punch(path, self._ends[stream], end)
        except holes.NoHoles as e:
            self._room.has_holes = False
            log.warning("what tasks print may fill the disk: %s", e)
        except OSError as e:
            log.debug("%s: not shortened: %s", self._folder, e)
        if is_first and sum(self._ends.values()) > before:
            self._say(
                f"rq-agent: of its output the newest {_words(kept_bytes)} stay on the worker's"
                " disk; older bytes leave it"
            )

    def _excess(self, stream: Stream, kept_bytes: int) -> int:
        """Return how many more bytes of a stream have to go; each gets half of what is kept."""
        try:
            size = (self._folder / stream).lstat().st_size
        except OSError:
            return 0
        if size < self._ends[stream]:
            self._ends[stream] = 0  # the task cut it shorter
        excess = size - kept_bytes // len(STREAMS) - self._ends[stream]
        return excess if excess >= holes.BLOCK else 0


def _words(size: int) -> str:
    return f"{size / _MIB:.3g} MiB"


def shorten_all(tasks: Path, kept_bytes: int) -> None:
    """Shorten the outputs of all run folders, also of tasks that have ended.

    Raises:
        holes.NoHoles: it can't be done here.
    """
    for folder in tasks.iterdir() if tasks.is_dir() else ():
        for stream in STREAMS:
            path = folder / stream
            try:
                size = path.lstat().st_size
                if size > kept_bytes // len(STREAMS):
                    holes.punch(path, 0, size - kept_bytes // len(STREAMS))
            except OSError:  # gone, or no file of ours
                continue


async def shorten_ended(room: Room, tasks: Path) -> None:
    """Shorten what ended tasks left, too, while the disk is short of room. Forever."""
    while True:
        if room.is_tight and room.has_holes:
            try:
                await anyio.to_thread.run_sync(partial(shorten_all, tasks, room.kept_bytes))
            except holes.NoHoles as e:
                room.has_holes = False
                log.warning("what tasks printed stays whole on the disk: %s", e)
        await anyio.sleep(_ENDED_EVERY_S)
