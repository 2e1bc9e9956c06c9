"""Where a host stands that shows no sign of life."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio.to_thread

from .. import stacks
from ..process import foreign_file
from ..process.handle import Handle
from ..watchdog import processes_of
from . import blocked
from .hearing import TOLD
from .in_host import CallsInHost
from .isolation import NOBODY, Death
from .telling import Telling
from .vitals import Vitals

_NAME: Final = "stuck"
_BYTES: Final = 64 * 1024


class Stillness:
    """Watches for a host that shows no sign of life, and has it replaced."""

    def __init__(
        self,
        handle: Handle,
        calls: CallsInHost,
        vitals: Vitals,
        telling: Telling,
        *,
        condemn: Callable[[Death], None],
    ) -> None:
        self._handle = handle
        self._calls = calls
        self._vitals = vitals
        self._telling = telling
        self._condemn = condemn
        self._is_looked_into = False

    def is_to_be_looked_into(self, *, is_ready: bool) -> bool:
        """Return whether `look_into` is to be run now; asked at each look."""
        if not len(self._calls):
            self._vitals.rest()
        elif is_ready and self._vitals.is_stuck() and not self._is_looked_into:
            self._is_looked_into = True
            return True
        return False

    async def look_into(self) -> None:
        """Find out where it stands, tell those in it, and have it replaced."""
        still_s = self._vitals.still_s
        where = await where_it_stands(self._handle)
        if not self._vitals.is_stuck():
            self._is_looked_into = False  # it was only slow
            return
        keys = list(self._calls)
        self._telling.say(keys[:TOLD], blocked.of_stuck(still_s, where))
        guilty = keys[0] if len(keys) == 1 else NOBODY
        self._condemn(Death(reason="showed no sign of life", guilty=guilty))


async def where_it_stands(handle: Handle) -> list[str]:
    """Return lines: what it wrote itself, without running any Python, or else what py-spy sees."""
    told = await anyio.to_thread.run_sync(_told, Path(handle.folder))
    if told:
        return told
    pids = await anyio.to_thread.run_sync(processes_of, handle)
    return await stacks.lines_of(pids[:1])


def _told(folder: Path) -> list[str]:
    try:
        told = foreign_file.read(folder / _NAME, _BYTES)
    except OSError:
        return []
    return told.decode("utf-8", "replace").splitlines()
