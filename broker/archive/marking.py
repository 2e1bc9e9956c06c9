"""The mark of an archive: a file that tells it from the empty place where it is not mounted."""

from typing import Final

import anyio.to_thread

from .. import keys
from ..errors import ArchiveUnavailable
from ..namespace import Namespace
from .store import ArchiveStore

MARK: Final = "rq-agent-archive"
"""Path in the store; what is in the file does not count."""

_TEXT: Final = b"An archive of rq-agent. Nothing is archived in a place without this file.\n"


def is_marked(store: ArchiveStore) -> bool:
    """Return whether there is an archive. Blocks: call it in a thread."""
    return store.size(MARK) is not None


async def need_archive(store: ArchiveStore) -> None:
    """Make sure that there is an archive.

    Raises:
        ArchiveUnavailable: there is none.
    """
    if not await anyio.to_thread.run_sync(is_marked, store):
        raise ArchiveUnavailable(
            f"archive {store.where}: there was one, but its file {MARK} is not there: is it"
            f" mounted? to begin another archive there, make an empty file {MARK} in it"
        )


async def open_archive(ns: Namespace, store: ArchiveStore) -> None:
    """Make sure that there is an archive; mark a new one if nothing of this namespace has any yet.

    Raises:
        ArchiveUnavailable: tasks are archived, but not there; or the place can't be used.
    """
    if await ns.redis.hget(keys.globals_(ns.prefix), "archived") is not None:
        await need_archive(store)
    elif not await anyio.to_thread.run_sync(is_marked, store):
        await anyio.to_thread.run_sync(store.put, MARK, _TEXT)
