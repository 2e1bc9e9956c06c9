"""Where a host stands that shows no sign of life."""

from pathlib import Path
from typing import Final

import anyio.to_thread

from .. import stacks
from ..process import foreign_file
from ..process.handle import Handle
from ..watchdog import processes_of

_NAME: Final = "stuck"
_BYTES: Final = 64 * 1024


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
