"""Whether the disks of this worker have room: where they have none, it claims nothing."""

import errno
import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from ..broker.errors import DiskFull
from ..broker.keys import TaskId
from . import space
from .signals import Signals
from .space import Space

log = logging.getLogger(__name__)

_EVERY_S: Final = 0.5
_PROBE_BYTES: Final = 64 * 1024
_REMEMBERED: Final = 1_000
_ENOUGH: Final = 2
"""A task that found no room so often, on a disk with room for others, is too large for it."""
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_MIB: Final = 1024**2


class Room:
    """Looks at the file systems of some folders."""

    def __init__(self, folders: Sequence[Path], signals: Signals, *, limit_bytes: int) -> None:
        """`limit_bytes`: how much of the output of a task is kept on a disk that has room."""
        self._folders = folders
        self._signals = signals
        self._limit_bytes = limit_bytes
        self._too_large: OrderedDict[TaskId, int] = OrderedDict()
        self.is_tight = False
        self.kept_bytes = limit_bytes
        """How much of the output of one task may stay on the disk now."""
        self.has_holes = True
        """Whether this file system can give back a part of a file, as far as is known."""

    async def run(self) -> None:
        """Look forever."""
        while True:
            await self.look()
            await anyio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Look once: claim nothing from now on, or again."""
        spaces = await anyio.to_thread.run_sync(partial(spaces_of, self._folders))
        if not spaces:
            return
        tightest = min(spaces, key=lambda s: s.free_bytes)
        self._shorten(tightest)
        if not self._signals.no_room and any(map(space.is_full, spaces)):
            self._close(tightest)
        elif self._signals.no_room and await self._is_roomy(spaces):
            log.info("the disk has room again")
            self._signals.disk_full("")

    async def is_short(self) -> bool:
        """Return whether there is so little room that a tool may have failed for it."""
        spaces = await anyio.to_thread.run_sync(partial(spaces_of, self._folders))
        return not all(map(space.is_roomy, spaces))

    async def refuse(self, task_id: TaskId) -> bool:
        """Note that a task found no room, after what it had written was removed.

        Returns:
            Whether the task itself is too large. Else it is another one's turn to make room:
            nothing is claimed until there is some.
        """
        spaces = await anyio.to_thread.run_sync(partial(spaces_of, self._folders))
        if await self._is_roomy(spaces):
            seen = self._too_large.pop(task_id, 0) + 1
            self._too_large[task_id] = seen
            if len(self._too_large) > _REMEMBERED:
                self._too_large.popitem(last=False)
            if seen >= _ENOUGH:
                return True
        self._close(min(spaces, key=lambda s: s.free_bytes, default=None))
        return False

    def _close(self, tightest: Space | None) -> None:
        free = "" if tightest is None else f", {tightest.free_bytes // _MIB} MiB free"
        log.warning("disk full%s: claims nothing until there is room", free)
        self._signals.disk_full(f"disk full{free}")

    async def _is_roomy(self, spaces: Sequence[Space]) -> bool:
        """Return whether there is room; a quota shows only when something is written."""
        if not spaces or not all(map(space.is_roomy, spaces)):
            return False
        return await anyio.to_thread.run_sync(partial(can_write, self._folders))

    def _shorten(self, tightest: Space) -> None:
        is_tight = space.is_tight(tightest, was_tight=self.is_tight)
        if is_tight and not self.is_tight:
            free_mib = tightest.free_bytes // _MIB
            log.warning("only %d MiB of disk are free: keeps less of what tasks print", free_mib)
        self.is_tight = is_tight
        self.kept_bytes = space.kept_bytes(self._limit_bytes, tightest, is_tight=is_tight)


def spaces_of(folders: Sequence[Path]) -> list[Space]:
    """Return what the file systems of some folders have left; of those that can't be asked, none."""
    found = []
    for folder in folders:
        try:
            told = os.statvfs(folder)
        except OSError as e:
            log.debug("%s: %s", folder, e)
            continue
        found.append(
            Space(
                free_bytes=told.f_bavail * told.f_frsize,
                total_bytes=told.f_blocks * told.f_frsize,
                free_files=told.f_favail if told.f_files else None,
            )
        )
    return found


def can_write(folders: Sequence[Path]) -> bool:
    """Return whether a small file can be written into each folder."""
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                if file.write(bytes(_PROBE_BYTES)) != _PROBE_BYTES:
                    return False
        except OSError as e:
            log.debug("%s: %s", folder, e)
            return False
    return True


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error comes from a disk without room, or a quota that is used up."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DiskFull) or (isinstance(cause, OSError) and cause.errno in _FULL):
            return True
        cause = cause.__cause__
    return False
